/** The judging of the fence test: a judge that overlooks a cheat would acquit everybody. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { fenceSection, showFence } from '../../bench/fence/fence-print.ts';
import type { FenceResult } from '../../bench/fence/fence-result.ts';
import type { History, Moment, Sight } from '../../bench/fence/history.ts';
import { judge, standingOf } from '../../bench/fence/judge.ts';

type Step = Moment extends infer One ? (One extends Moment ? Omit<One, 'atMs'> : never) : never;

/** A round, with a tenth of a second between any two moments. */
const roundOf = (...steps: readonly Step[]): History => ({
  system: 'planted',
  manner: 'waiting',
  moments: steps.map((step, index) => ({ atMs: index * 100, ...step }) as Moment),
});

const seen = (state: Sight['state'], by: string | null = null): Step => ({
  ...{ what: 'seen', state, by },
});
const begun = (actor: 'A' | 'B'): Step => ({ what: 'begun', actor, by: `${actor}1` });
const returned = (actor: 'A' | 'B'): Step => ({ what: 'returned', actor, by: `${actor}1` });

const takeover = [begun('A'), { what: 'frozen' }, begun('B'), seen('running')] as const;
const late = [...takeover, { what: 'woken' }, returned('A')] as const;
const fenced = roundOf(...late, seen('running'), returned('B'), seen('succeeded', 'B1'));

test('a round that ends with the next owner is one in which the stale one was refused', () => {
  assert.deepEqual(judge(fenced), {
    ...{ verdict: 'refused', recovery: 'own', takeoverMs: 100 },
    why: "the job's result is that of B1",
  });
});

test('a planted cheat is seen: the result of the stale owner stands', () => {
  const cheat = roundOf(...late, seen('running'), returned('B'), seen('succeeded', 'A1'));
  assert.equal(judge(cheat).verdict, 'stale owner won');
});

test('a planted cheat is seen: the result was right first, and then overwritten', () => {
  const cheat = roundOf(
    ...[...late, seen('running'), returned('B'), seen('succeeded', 'B1')],
    seen('succeeded', 'A1'),
  );
  assert.equal(judge(cheat).verdict, 'stale owner won');
});

for (const state of ['succeeded', 'failed', 'gone'] as const) {
  test(`a planted cheat is seen: the job was ${state} while the next owner ran it`, () => {
    const cheat = roundOf(...late, seen(state), returned('B'), seen('succeeded', 'B1'));
    const { verdict, why } = judge(cheat);
    assert.equal(verdict, 'stale owner won');
    assert.match(why, /while B was still running it/);
  });
}

test('a system that keeps no results is judged by when its job was gone', () => {
  const honest = roundOf(...late, seen('running'), returned('B'), seen('gone'));
  assert.equal(judge(honest).verdict, 'refused');
});

test('a job that does not end, or fails, after its new owner returned has lost its result', () => {
  for (const state of ['running', 'failed'] as const) {
    const { verdict } = judge(roundOf(...late, seen('running'), returned('B'), seen(state)));
    assert.equal(verdict, 'result lost');
  }
});

test('nobody who took over is no recovery, and an operator who unlocked the job is told of', () => {
  const none = judge(roundOf(begun('A'), { what: 'frozen' }, seen('running')));
  assert.deepEqual([none.verdict, none.recovery, none.takeoverMs], ['no recovery', 'none', null]);
  const [first, frozen, ...rest] = fenced.moments;
  assert.ok(first !== undefined && frozen !== undefined);
  const moments: Moment[] = [first, frozen, { atMs: 150, what: 'unlocked' }, ...rest];
  const { verdict, recovery } = judge({ ...fenced, moments });
  assert.deepEqual([verdict, recovery], ['refused', 'forced']);
});

test('a round that proves nothing is no verdict', () => {
  const proofless = {
    'no freeze': roundOf(begun('A'), begun('B'), seen('running')),
    'before the freeze': roundOf(begun('A'), begun('B'), { what: 'frozen' }, seen('running')),
    'did not try': roundOf(...takeover, { what: 'woken' }, returned('B'), seen('succeeded', 'B1')),
    'nobody looked': roundOf(begun('A'), { what: 'frozen' }, begun('B'), returned('A')),
    'next owner did not return': roundOf(...late, seen('running')),
  };
  for (const [why, history] of Object.entries(proofless)) {
    assert.throws(() => judge(history), new RegExp(why));
  }
});

test('of several rounds the worst stands, with its count', () => {
  const cheat = roundOf(...late, seen('succeeded', 'A1'));
  const judged = [fenced, cheat, fenced].map(judge);
  const standing = standingOf(judged);
  assert.deepEqual(
    [standing?.verdict, standing?.count, standing?.rounds],
    ['stale owner won', 1, 3],
  );
  assert.equal(standingOf([]), undefined);
});

test('the table names who let a stale owner win, and what its process said', () => {
  const speed = { syncsPerSecond: 1, p50Ms: 1, p99Ms: 1 };
  const said: Step = { what: 'said', actor: 'A', words: 'no lock of job 12' };
  const result: FenceResult = {
    ...{ name: 'fence', date: '2000-01-01', rounds: 1 },
    machine: {
      ...{ cores: 2, cpu: 'a cpu', memoryGiB: 1, os: 'an os', node: 'v24', filesystem: 'ext4' },
      ...{ loadBefore: 0, diskBefore: speed },
    },
    tested: [
      {
        ...{ system: 'planted', title: 'Planted', version: '1.2.3', server: 'Server 4' },
        ...{ settings: 'quick', recoveryMsMax: 5_000 },
      },
    ],
    histories: [roundOf(...late, said, seen('succeeded', 'A1'))],
  };
  const row = /Planted +1\.2\.3 +– +stale owner won, 1 of 1 +after 0\.1 to 0\.1 s/;
  assert.match(showFence(result), row);
  assert.match(fenceSection(result), /\| Planted \| 1\.2\.3 \| – \| stale owner won, 1 of 1 \|/);
  assert.match(
    fenceSection(result),
    /with the result of A1, .*its process said "no lock of job …"/,
  );
  assert.match(fenceSection(undefined), /Not tested yet/);
});

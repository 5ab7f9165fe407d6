/**
 * The contract of signals and declared state: when a signal is taken, which wait is given it, in
 * what order, how often; how it stands; and what a run declares of itself.
 */
import assert from 'node:assert/strict';
import { fenceOf } from '../../../src/core/fence.ts';
import { limits } from '../../../src/core/limits.ts';
import type { ClaimedRun } from '../../../src/ports/store-runs.ts';
import type { SignalItem } from '../../../src/ports/store-signals.ts';
import type { StepRow, StepWrite } from '../../../src/ports/store-steps.ts';
import type { Scene } from './scene.ts';
import {
  endsOf,
  over,
  park,
  record,
  recordAs,
  refused,
  running,
  signalAs,
  sleep,
  stepOf,
  waitForSignal,
} from './step-words.ts';
import type { Contract } from './suite.ts';

export function signals(contract: Contract): void {
  taking(contract);
  giving(contract);
  ordering(contract);
  answering(contract);
  leaving(contract);
  declaring(contract);
}

/** Sends a signal that must be new. */
async function send(scene: Scene, run: ClaimedRun, name: string, data: unknown, id: string) {
  const verdict = await signalAs(scene, run.id, name, data, id);
  assert.deepEqual(verdict, { ok: true, id, created: true });
}

/** What a wait was given, without when. */
function told(step: StepRow | null): unknown {
  assert.ok(step?.end?.how === 'returned' && step.end.value !== null, JSON.stringify(step));
  const { n, id, name, data } = JSON.parse(step.end.value) as Record<string, unknown>;
  return { n, id, name, data };
}

/** The step by which a run answers a signal. */
const answerTo = (id: string, said: unknown): StepWrite => ({
  ...{ does: 'end', key: `answer/${id}`, kind: 'step', tries: 1 },
  end: { how: 'returned', value: JSON.stringify(said), error: null },
});

function taking(contract: Contract): void {
  contract('(G1) a signal is taken for a run that goes on, wherever it stands', async (scene) => {
    const [queued] = await scene.start({ fn: 'other' });
    const run = await running(scene);
    for (const id of [queued ?? '', run.id]) {
      assert.deepEqual(await signalAs(scene, id, 'go', 1, 's'), {
        ...{ ok: true, id: 's', created: true },
      });
    }
    await scene.succeed(run);
    assert.equal(refused(await signalAs(scene, run.id, 'go', 1, 't')), 'run.already_done');
    assert.equal(refused(await signalAs(scene, 'none', 'go', 1, 's')), 'run.not_found');
  });

  contract('(G1) a signal under one id is one, also when the run is done', async (scene) => {
    const run = await running(scene);
    await send(scene, run, 'go', { a: 1, b: 2 }, 's');
    const again = { ok: true, id: 's', created: false };
    assert.deepEqual(await signalAs(scene, run.id, 'go', { b: 2, a: 1 }, 's'), again);
    assert.equal(refused(await signalAs(scene, run.id, 'go', { a: 1 }, 's')), 'signal.conflict');
    assert.equal(refused(await signalAs(scene, run.id, 'no', { a: 1 }, 's')), 'signal.conflict');
    const [given] = await record(scene, run, waitForSignal(run, ['go']));
    assert.deepEqual(told(given ?? null), { n: 1, id: 's', name: 'go', data: { a: 1, b: 2 } });
    assert.deepEqual(await signalAs(scene, run.id, 'go', { a: 1, b: 2 }, 's'), again);
    await scene.succeed(run);
    assert.deepEqual(await signalAs(scene, run.id, 'go', { a: 1, b: 2 }, 's'), again);
    const other = await running(scene);
    await send(scene, other, 'go', 'the same id, another run', 's');
  });

  contract('(G1, G6) an inbox has a bound, and room again when it was read', async (scene) => {
    const run = await running(scene);
    const items = (from: number, count: number): SignalItem[] =>
      Array.from({ length: count }, (_, n) => ({
        ...{ runId: run.id, id: `s-${from + n}`, name: 'go', data: 'null' },
      }));
    const { reply } = await scene.store.signal(items(0, limits.signalsMax - 1));
    assert.ok(reply.every((one) => one.ok && one.created));
    const last = await scene.store.signal(items(limits.signalsMax - 1, 2));
    assert.deepEqual(last.reply.map(refused), ['accepted', 'signals.full']);
    await record(scene, run, waitForSignal(run, ['go']));
    assert.equal(refused(await signalAs(scene, run.id, 'go', 1, 'more')), 'accepted');
    assert.equal(refused(await signalAs(scene, run.id, 'go', 1, 'too many')), 'signals.full');
  });
}

function giving(contract: Contract): void {
  contract('(G2) a signal ends the open wait for it, and a parked run goes on', async (scene) => {
    const run = await running(scene);
    await park(scene, run, 0, waitForSignal(run, ['go', 'stop']), sleep('long', 600_000));
    assert.equal(await scene.stands(run.id), 'parked');
    await send(scene, run, 'other', 0, 'o');
    assert.equal(await scene.stands(run.id), 'parked');
    const before = scene.world.now();
    const { reply, woken } = await scene.store.signal([
      { runId: run.id, id: 's', name: 'stop', data: '{"now":true}' },
    ]);
    assert.deepEqual(reply, [{ ok: true, id: 's', created: true }]);
    assert.ok(woken.ready);
    assert.equal(await scene.stands(run.id), 'slot');
    const step = await stepOf(scene, run.id, 'signal/go,stop');
    assert.deepEqual(told(step), { n: 2, id: 's', name: 'stop', data: { now: true } });
    assert.ok((step.end?.at ?? 0) >= before - 1);
  });

  contract('(G2) a running owner is told to look', async (scene) => {
    const run = await running(scene);
    assert.deepEqual(await record(scene, run, waitForSignal(run, ['go'])), [
      await stepOf(scene, run.id, 'signal/go'),
    ]);
    const item = { runId: run.id, id: 's', name: 'go', data: '1' };
    assert.ok((await scene.store.signal([item])).woken.stop);
    assert.deepEqual(await endsOf(scene, run.id), ['signal/go returned']);
  });

  contract('(G2) a run is not parked past a signal that is there', async (scene) => {
    const run = await running(scene);
    await send(scene, run, 'go', 1, 's');
    await park(scene, run, 0, waitForSignal(run, ['go']));
    assert.equal(await scene.stands(run.id), 'slot');
    assert.deepEqual(await endsOf(scene, run.id), ['signal/go returned']);
  });

  contract('(G2) an event of the same name ends no wait for signals', async (scene) => {
    const run = await running(scene);
    await record(scene, run, waitForSignal(run, ['go']));
    for (const data of ['null', '{"go":1}', '{"go":{"go":""}}']) {
      const item = { id: `e ${data}`, name: `signal/${run.id}`, tenant: 'default', data };
      const { reply } = await scene.store.emit([item]);
      assert.ok(reply[0]?.ok);
    }
    assert.deepEqual(await endsOf(scene, run.id), []);
    await send(scene, run, 'go', 1, 's');
    assert.deepEqual(await endsOf(scene, run.id), ['signal/go returned']);
  });
}

function ordering(contract: Contract): void {
  contract('(G2) signals are given in their order, each once, by their names', async (scene) => {
    const run = await running(scene);
    const names = ['a', 'b', 'a', 'c', 'b'];
    const items = names.map((name, n) => ({
      ...{ runId: run.id, id: `s-${n}`, name, data: JSON.stringify(n) },
    }));
    await scene.store.signal(items);
    const wait = (wanted: string, n: number) =>
      waitForSignal(run, wanted.split(','), { key: `${wanted}#${n}` });
    const given = await record(scene, run, wait('b', 1), wait('a,b', 2), wait('a,b', 3));
    assert.deepEqual(
      given.map((step) => (told(step) as { data: number }).data),
      [1, 0, 2],
    );
    const rest = await record(scene, run, wait('a', 4), wait('b,c', 5), wait('b,c', 6));
    assert.deepEqual(
      rest.map((step) => step?.end?.how ?? null),
      [null, 'returned', 'returned'],
    );
    assert.deepEqual(
      rest.slice(1).map((step) => (told(step) as { data: number }).data),
      [3, 4],
    );
  });

  contract('(G2) of two open waits the one asked for first is given it', async (scene) => {
    const run = await running(scene);
    const keys = ['first', 'second', 'third'];
    const wanted = [['b'], ['a', 'b'], ['a', 'b']];
    const waits = keys.map((key, n) => waitForSignal(run, wanted[n] ?? [], { key }));
    await record(scene, run, ...waits);
    const item = (id: string, name: string) => ({ runId: run.id, id, name, data: `"${id}"` });
    const { reply } = await scene.store.signal([item('1', 'a'), item('2', 'b'), item('3', 'b')]);
    assert.ok(reply.every(({ ok }) => ok));
    const ends = ['signal/second', 'signal/first', 'signal/third'];
    assert.deepEqual(
      await endsOf(scene, run.id),
      ends.map((key) => `${key} returned`),
    );
  });

  contract('(G2) a wait whose time is over leaves the signal to the next one', async (scene) => {
    const run = await running(scene);
    await record(scene, run, waitForSignal(run, ['go'], { afterMs: 1, key: 'one' }));
    await record(scene, run, over('signal/one'));
    await send(scene, run, 'go', 1, 's');
    assert.deepEqual(await endsOf(scene, run.id), ['signal/one timed-out']);
    const [given] = await record(scene, run, waitForSignal(run, ['go'], { key: 'two' }));
    assert.deepEqual(told(given ?? null), { n: 1, id: 's', name: 'go', data: 1 });
  });

  contract('(G2) a stale owner takes nothing from the inbox', async (scene) => {
    const run = await running(scene);
    await send(scene, run, 'go', 1, 's');
    const stale = { ...run, fence: fenceOf(run.fence + 1) };
    assert.equal(refused(await recordAs(scene, stale, waitForSignal(run, ['go']))), 'fence.stale');
    const [given] = await record(scene, run, waitForSignal(run, ['go']));
    assert.deepEqual(told(given ?? null), { n: 1, id: 's', name: 'go', data: 1 });
  });
}

function answering(contract: Contract): void {
  contract('(G3) says how signals stand: open, answered, without an answer', async (scene) => {
    const run = await running(scene);
    for (const id of ['a', 'b']) await send(scene, run, 'go', 1, id);
    const asks = ['a', 'b', 'none'].map((id) => ({ runId: run.id, id }));
    const open = { state: 'open' };
    assert.deepEqual(await scene.store.answers(asks), [open, open, null]);
    assert.deepEqual(await scene.store.answers([{ runId: 'none', id: 'a' }]), [null]);
    const said = { state: 'accepted', value: 7 };
    await record(scene, run, answerTo('a', said), answerTo('none', said));
    const answered = { state: 'answered', answer: JSON.stringify(said) };
    assert.deepEqual(await scene.store.answers(asks), [answered, open, null]);
    await record(scene, run, answerTo('a', { state: 'refused', reason: 'too late' }));
    await scene.succeed(run);
    const stands = await scene.store.answers(asks);
    assert.deepEqual(stands, [answered, { state: 'unanswered' }, null]);
  });
}

function leaving(contract: Contract): void {
  contract('signals and state are kept for as long as their run, and no longer', async (scene) => {
    const run = await running(scene);
    await send(scene, run, 'go', 1, 's');
    await scene.store.note([{ ...run, state: [{ name: 'stage', value: '1' }] }]);
    const none = { 'timed-out': null, failed: null, cancelled: null, rejected: null, lost: null };
    const retention = { ...none, succeeded: 0, event: 0 };
    await scene.world.pass();
    await scene.store.prune(retention, 100);
    assert.deepEqual(await scene.store.answers([{ runId: run.id, id: 's' }]), [{ state: 'open' }]);
    await scene.succeed(run);
    await scene.until('the run was pruned', async () => {
      await scene.store.prune(retention, 100);
      return (await scene.store.get(run.id)) === null;
    });
    assert.deepEqual(await scene.store.answers([{ runId: run.id, id: 's' }]), [null]);
    assert.equal(await scene.store.state(run.id), null);
    const [id] = await scene.start({ id: run.id });
    assert.deepEqual(await scene.store.state(id ?? ''), []);
    assert.equal(refused(await signalAs(scene, run.id, 'go', 2, 's')), 'accepted');
  });
}

function declaring(contract: Contract): void {
  const set = (name: string, value: unknown) => ({ name, value: JSON.stringify(value) });

  contract('keeps the last value of a name, with who set it, over attempts', async (scene) => {
    const node = await scene.join();
    const [id = ''] = await scene.start({});
    assert.deepEqual(await scene.store.state(id), []);
    const first = await scene.claimOne(node);
    const before = scene.world.now();
    const states = [set('b', 1), set('a', { deep: ['ä\u2028"'] })];
    const [verdict] = await scene.store.note([{ ...first, state: states, progress: '1' }]);
    assert.deepEqual(verdict, { ok: true, dropped: 0 });
    await scene.store.note([{ ...first, state: [set('b', 2)] }]);
    await scene.fail(first);
    const second = await scene.claimOne(node);
    await scene.store.note([{ ...second, state: [set('c', null)] }]);
    const rows = (await scene.store.state(id)) ?? [];
    assert.deepEqual(
      rows.map(({ name, value, attempt }) => [name, value, attempt]),
      [
        ['a', '{"deep":["ä\u2028\\""]}', 1],
        ['b', '2', 1],
        ['c', 'null', 2],
      ],
    );
    assert.ok(rows.every(({ at }) => at >= before - 1));
    assert.equal(await scene.store.state('none'), null);
    assert.equal((await scene.get(id)).progress, '1');
    await scene.succeed(second);
    assert.equal((await scene.store.state(id))?.length, 3);
  });

  contract('(G1) a stale owner declares nothing', async (scene) => {
    const run = await running(scene);
    await scene.store.note([{ ...run, state: [set('stage', 'mine')] }]);
    const stale = { ...run, fence: fenceOf(run.fence + 1), state: [set('stage', 'stale')] };
    const good = { ...run, state: [set('more', 1)] };
    const verdicts = await scene.store.note([stale, good, { ...good, seq: 1_000_000 }]);
    assert.deepEqual(verdicts.map(refused), ['fence.stale', 'accepted', 'run.not_found']);
    const rows = (await scene.store.state(run.id)) ?? [];
    assert.deepEqual(
      rows.map(({ name, value }) => [name, value]),
      [
        ['more', '1'],
        ['stage', '"mine"'],
      ],
    );
    await scene.succeed(run);
    const [late] = await scene.store.note([{ ...run, state: [set('stage', 'late')] }]);
    assert.notEqual(refused(late ?? { ok: true }), 'accepted');
  });

  contract('(G6) keeps so many names and no more, and says how many it left', async (scene) => {
    const run = await running(scene);
    const names = Array.from({ length: limits.stateNamesMax - 1 }, (_, n) => set(`n-${n}`, n));
    await scene.store.note([{ ...run, state: names }]);
    const more = [set('x', 1), set('n-0', 'new'), set('y', 2), set('z', 3)];
    const lines = [{ at: scene.world.now(), level: 'info', message: 'm', fields: null } as const];
    const [verdict] = await scene.store.note([{ ...run, state: more, lines }]);
    assert.deepEqual(verdict, { ok: true, dropped: 0, unkept: 2 });
    const rows = new Map((await scene.store.state(run.id))?.map((row) => [row.name, row.value]));
    assert.equal(rows.size, limits.stateNamesMax);
    assert.deepEqual([rows.get('n-0'), rows.get('x'), rows.get('y')], ['"new"', '1', undefined]);
    assert.equal((await scene.get(run.id)).logLines, 1);
  });
}

import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { fenceOf } from '../../core/fence.ts';
import { wallMs } from '../../core/time.ts';
import type { RunFilter } from '../../ports/store-reads.ts';
import type { RunRow, RunTable } from '../verbs/tables.ts';
import { migrate } from './migrations.ts';
import { openTables } from './tables.ts';

const base: Omit<RunRow, 'seq' | 'id'> = {
  fn: 'work',
  lane: null,
  laneWidth: 1,
  tenant: 'default',
  prioritySeconds: 0,
  tags: [],
  policy: 1,
  acceptedAt: wallMs(0),
  deadlineAt: null,
  retryOf: null,
  trace: null,
  pin: null,
  stage: 'slot',
  attempt: 0,
  fence: fenceOf(0),
  failures: 0,
  crashes: 0,
  laneHeld: false,
  tenantHeld: false,
  dueAt: null,
  rank: 0,
  tag: 0,
  waitKey: null,
  owner: null,
  startedAt: null,
  stopCause: null,
  stopReason: null,
  stopSince: null,
  overdueAt: null,
  overdueCause: null,
  outcome: null,
  finishedAt: null,
  error: null,
};

function tableOf(count: number, over: (n: number) => Partial<RunRow> = () => ({})): RunTable {
  const db = new DatabaseSync(':memory:');
  migrate(db, 'the pages', wallMs(0));
  const { runs } = openTables(db, () => []);
  for (let n = 1; n <= count; n += 1) runs.insert({ ...base, id: `r${n}`, ...over(n) }, '0');
  return runs;
}

/** Follows `next` to the end. */
function walk(runs: RunTable, filter: RunFilter, rowsMax: number, scanMax: number) {
  const seqs: number[] = [];
  let pages = 0;
  for (let before: number | null = null; ; ) {
    const page = runs.page(filter, before, rowsMax, scanMax);
    pages += 1;
    assert.ok(page.rows.length <= rowsMax);
    seqs.push(...page.rows.map(({ seq }) => seq));
    if (page.next === null) return { seqs, pages };
    before = page.next;
  }
}

test('pages go from the newest to the oldest without a gap or a repetition', () => {
  const runs = tableOf(25);
  const { seqs, pages } = walk(runs, {}, 10, 1_000);
  assert.deepEqual(
    seqs,
    Array.from({ length: 25 }, (_, n) => 25 - n),
  );
  assert.equal(pages, 3);
});

test('the last page says so, also when it is full', () => {
  assert.equal(tableOf(10).page({}, null, 10, 1_000).next, null);
  assert.equal(tableOf(11).page({}, null, 10, 1_000).next, 2);
});

test('a page looks at a bounded number of rows and goes on from there', () => {
  const runs = tableOf(100, (n) => ({ fn: n === 3 ? 'rare' : 'work' }));
  const { seqs, pages } = walk(runs, { fn: 'rare' }, 10, 20);
  assert.deepEqual([seqs, pages], [[3], 5]);
});

test('gaps that pruning left cost no pages', () => {
  const runs = tableOf(1_000);
  for (let seq = 5; seq <= 995; seq += 1) runs.remove(seq);
  const { seqs, pages } = walk(runs, { fn: 'other' }, 10, 20);
  assert.deepEqual([seqs, pages], [[], 2]);
});

test('few rows of a status or outcome are found at once, wherever they stand', () => {
  const over = (n: number): Partial<RunRow> => {
    if (n === 2) return { stage: 'quarantined', finishedAt: wallMs(1), error: '{}' };
    if (n === 4) return { stage: 'parked' };
    if (n < 490) return { stage: 'done', outcome: 'succeeded', finishedAt: wallMs(n) };
    return n === 495 ? { stage: 'done', outcome: 'failed', finishedAt: wallMs(1) } : {};
  };
  const runs = tableOf(500, over);
  const found = (filter: RunFilter) => walk(runs, filter, 100, 20);
  assert.deepEqual(found({ status: 'quarantined' }), { seqs: [2], pages: 1 });
  assert.deepEqual(found({ status: 'parked' }), { seqs: [4], pages: 1 });
  assert.deepEqual(found({ outcome: 'failed' }), { seqs: [495], pages: 1 });
  assert.deepEqual(found({ status: 'running' }), { seqs: [], pages: 1 });
  assert.deepEqual(found({ status: 'queued' }).seqs.at(-1), 490);
  assert.equal(found({ status: 'done' }).seqs.length, 488);
});

test('every filter holds, and all of them together', () => {
  const runs = tableOf(60, (n) => ({
    fn: n % 2 === 0 ? 'even' : 'odd',
    lane: n % 3 === 0 ? 'third' : null,
    tenant: n % 5 === 0 ? 'fifth' : 'default',
    tags: n % 2 === 0 ? ['a', 'b%'] : [],
    acceptedAt: wallMs(n),
  }));
  const every = (step: number): number[] =>
    Array.from({ length: 60 / step }, (_, at) => 60 - at * step);
  const seqs = (filter: RunFilter): readonly number[] => walk(runs, filter, 7, 1_000).seqs;
  assert.deepEqual(seqs({ fn: 'even' }), every(2));
  assert.deepEqual(seqs({ lane: 'third' }), every(3));
  assert.deepEqual(seqs({ tenant: 'fifth' }), every(5));
  assert.deepEqual(seqs({ tag: 'b%' }), every(2));
  assert.deepEqual(seqs({ tag: 'b' }), []);
  assert.deepEqual(seqs({ acceptedAfter: wallMs(58) }), [60, 59]);
  assert.deepEqual(seqs({ acceptedBefore: wallMs(3) }), [2, 1]);
  assert.deepEqual(seqs({ fn: 'even', lane: 'third', tenant: 'fifth', tag: 'a' }), [60, 30]);
});

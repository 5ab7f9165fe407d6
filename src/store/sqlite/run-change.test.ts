import assert from 'node:assert/strict';
import test from 'node:test';
import { nodeKeyOf } from '../../core/execution/run.ts';
import { fenceOf } from '../../core/fence.ts';
import { wallMs } from '../../core/time.ts';
import {
  outcomeCodes,
  outcomeOf,
  runColumns,
  runOf,
  stageCodes,
  stageOf,
  tupleOf,
} from '../run-tuple.ts';
import type { RunRow } from '../verbs/tables.ts';
import { changesOf, stateColumns } from './run-change.ts';
import type { Sql } from './statement.ts';

/** Every column has a value of its own, so that a swap shows. */
const full: RunRow = {
  seq: 1,
  id: 'id',
  fn: 'fn',
  lane: 'lane',
  laneWidth: 2,
  tenant: 'tenant',
  prioritySeconds: 3.5,
  tags: ['a', 'b'],
  policy: 4,
  acceptedAt: wallMs(5),
  deadlineAt: wallMs(6),
  retryOf: 'before',
  trace: null,
  stage: 'running',
  attempt: 7,
  fence: fenceOf(8),
  failures: 9,
  crashes: 10,
  laneHeld: true,
  tenantHeld: true,
  dueAt: wallMs(11),
  rank: 12.5,
  tag: 13.5,
  waitKey: 14.5,
  owner: nodeKeyOf(15),
  startedAt: wallMs(16),
  stopCause: 'deadline',
  stopReason: 'reason',
  stopSince: wallMs(17),
  overdueAt: 18.5,
  overdueCause: 'attempt',
  outcome: 'lost',
  finishedAt: wallMs(19),
  error: '{"code":"x"}',
  pin: '2',
};

/** The least that a row can be. */
const bare: RunRow = {
  ...full,
  lane: null,
  tags: [],
  deadlineAt: null,
  retryOf: null,
  trace: null,
  stage: 'time',
  attempt: 0,
  fence: fenceOf(0),
  failures: 0,
  crashes: 0,
  laneHeld: false,
  tenantHeld: false,
  dueAt: null,
  rank: null,
  tag: null,
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
  pin: null,
};

test('a row survives being stored', () => {
  assert.deepEqual(runOf(tupleOf(1, full)), full);
  assert.deepEqual(runOf(tupleOf(1, bare)), bare);
});

test('every word has its own number, and every number its word', () => {
  for (const [stage, code] of Object.entries(stageCodes)) assert.equal(stageOf(code), stage);
  for (const [outcome, code] of Object.entries(outcomeCodes)) {
    assert.equal(outcomeOf(code), outcome);
  }
});

test('a change names exactly the columns that differ, with their new values', () => {
  const names = runColumns.split(', ');
  const [from, to] = [tupleOf(1, bare), tupleOf(1, full)];
  const columnOf = (key: string): string => key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
  for (const key of Object.keys(full) as (keyof RunRow)[]) {
    const column = columnOf(key);
    const bit = (stateColumns as readonly string[]).indexOf(column);
    if (bit < 0) continue;
    const values: Sql[] = [];
    assert.equal(changesOf(bare, { ...bare, [key]: full[key] }, values), 1 << bit, column);
    const at = names.indexOf(column);
    assert.notEqual(from[at], to[at]);
    assert.deepEqual(values, [to[at]], column);
  }
  assert.equal(changesOf(full, { ...full }, []), 0);
  assert.equal(changesOf(bare, full, []), 2 ** stateColumns.length - 1);
});

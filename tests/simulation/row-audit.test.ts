import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeKeyOf } from '../../src/core/execution/run.ts';
import { fenceOf } from '../../src/core/fence.ts';
import { wallMs } from '../../src/core/time.ts';
import type { RunRow } from '../../src/store/verbs/tables.ts';
import { RowAudit } from './row-audit.ts';

const base: RunRow = {
  seq: 1,
  id: 'a',
  fn: 'work',
  lane: null,
  laneWidth: 1,
  tenant: 't',
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
  dueAt: wallMs(0),
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

const row = (change: Partial<RunRow>): RunRow => ({ ...base, ...change });
const running = (change: Partial<RunRow> = {}): RunRow =>
  row({ stage: 'running', attempt: 1, fence: fenceOf(1), owner: nodeKeyOf(1), ...change });
const done = (change: Partial<RunRow> = {}): RunRow =>
  row({ stage: 'done', attempt: 1, fence: fenceOf(1), outcome: 'succeeded', ...change });

/** Commits the steps one after another and gives what the judge said. */
function judge(
  steps: readonly (readonly RunRow[])[],
  limit: number | null = null,
  width = 1,
): string[] {
  const said: string[] = [];
  const audit = new RowAudit({
    runningMaxOf: () => limit,
    widthOf: () => width,
    wallNow: () => 0,
    isDead: (node) => node === 9,
    violation: (what) => said.push(what),
  });
  const rows = new Map<number, RunRow>();
  for (const step of steps) {
    const changes = step.map((after) => ({ before: rows.get(after.seq), after }));
    for (const after of step) rows.set(after.seq, after);
    audit.committed(changes);
  }
  return said;
}

describe('the judge of rows', () => {
  it('has nothing to say about a sound life', () => {
    const again = running({ attempt: 2, fence: fenceOf(2), owner: nodeKeyOf(2) });
    const end = done({ attempt: 2, fence: fenceOf(2) });
    const retried = row({ attempt: 1, fence: fenceOf(1) });
    assert.deepEqual(judge([[base], [running()], [retried], [again], [end]]), []);
  });

  it('sees an outcome that is written twice (R3)', () => {
    const said = judge([[base], [running()], [done()], [done({ outcome: 'failed' })]]);
    assert.match(said.join(), /^R3 /);
  });

  it('sees a run that is done and runs again (R3)', () => {
    assert.match(judge([[base], [running()], [done()], [running({ attempt: 1 })]]).join(), /R3 /);
  });

  it('sees a fence that shrinks, and one that stays at a change of owner (R1)', () => {
    const back = row({ attempt: 1, fence: fenceOf(0) });
    assert.match(judge([[base], [running()], [back]]).join(), /R1 .* fell/);
    const stays = running({ attempt: 2, owner: nodeKeyOf(2) });
    assert.match(judge([[base], [running()], [stays]]).join(), /R1 .* a new owner under the old/);
  });

  it('sees one ownership with two owners (R2)', () => {
    const other = running({ owner: nodeKeyOf(2) });
    assert.match(judge([[base], [running()], [other]]).join(), /R2 .* node 1 and to 2/);
  });

  it('sees a row that vanishes before its end (R4)', () => {
    const said: string[] = [];
    const audit = new RowAudit({
      runningMaxOf: () => null,
      widthOf: () => 1,
      wallNow: () => 0,
      isDead: () => false,
      violation: (what) => said.push(what),
    });
    audit.committed([{ before: undefined, after: base }]);
    audit.committed([{ before: base, after: undefined }]);
    assert.match(said.join(), /R4 .* vanished while it was slot/);
  });

  it('sees a lane with too many in it, and one who passes another (R5)', () => {
    const first = row({ lane: 'l', laneHeld: true });
    const second = row({ seq: 2, id: 'b', lane: 'l', laneHeld: true });
    assert.match(judge([[first], [second]]).join(), /R5 .* width 1 held by 1,2/);
    const waits = row({ lane: 'l', stage: 'lane' });
    assert.match(judge([[waits], [second]]).join(), /R5 .* past run a/);
  });

  it('knows that a wider one may enter behind a narrow one in the same commit (R5)', () => {
    const wide = { lane: 'l', laneHeld: true, laneWidth: 2 };
    const narrow = row({ seq: 2, id: 'b', lane: 'l', laneHeld: true });
    const due = row({ ...wide, laneHeld: false, stage: 'time' });
    // It came due behind the other.
    assert.deepEqual(judge([[due], [narrow, row(wide)]], null, 2), []);
    // It stood at the gate before the other.
    const stood = row({ ...wide, laneHeld: false, stage: 'lane' });
    const said = judge([[stood], [row(wide), narrow]], null, 2);
    assert.match(said.join(), /R5 run b .* entered a lane of width 1 held by 1,2/);
  });

  it('remembers lost ownerships where their owners live on (R2)', () => {
    const said: string[] = [];
    const audit = new RowAudit({
      runningMaxOf: () => null,
      widthOf: () => 1,
      wallNow: () => 0,
      isDead: () => false,
      violation: (what) => said.push(what),
    });
    audit.committed([{ before: undefined, after: base }]);
    audit.committed([{ before: base, after: running() }]);
    audit.restored([base], true);
    audit.committed([{ before: base, after: running({ owner: nodeKeyOf(2) }) }]);
    assert.match(said.join(), /R2 .* node 1 and to 2/);
  });

  it('sees a tenant over its limit (R7)', () => {
    const second = row({ seq: 2, id: 'b' });
    assert.match(judge([[base], [second]], 1).join(), /R7 tenant 't' has a limit of 1/);
    assert.deepEqual(judge([[base], [second]], 2), []);
  });

  it('sees a run that is pinned to another version (R11)', () => {
    const [none, one, two] = [base, row({ pin: '1' }), row({ pin: '2' })];
    assert.deepEqual(judge([[none], [one], [one]]), []);
    assert.match(judge([[none], [one], [two]]).join(), /R11 .* pinned to 1, and is to 2/);
    assert.match(judge([[one], [none]]).join(), /R11 .* pinned to 1, and is to null/);
  });

  it('sees a run that passes the gate of time too early (R9)', () => {
    const waits = row({ stage: 'time', dueAt: wallMs(5) });
    assert.match(judge([[waits], [row({ dueAt: wallMs(5) })]]).join(), /R9 .* is slot, 5 ms early/);
  });

  it('sees a dead node that is given a run (R10)', () => {
    assert.match(judge([[base], [running({ owner: nodeKeyOf(9) })]]).join(), /R10 .* node 9/);
  });

  it('sees a run that is taken from its owner without a new fence (R1)', () => {
    const taken = row({ attempt: 1, fence: fenceOf(1), crashes: 1 });
    assert.match(judge([[base], [running()], [taken]]).join(), /R1 .* taken from its owner under/);
  });

  it('sees a stopped run that begins another attempt (R8)', () => {
    const stopped = running({ stopCause: 'cancel' });
    const queued = row({ attempt: 1, fence: fenceOf(1) });
    const again = running({ attempt: 2, fence: fenceOf(2) });
    assert.match(judge([[base], [running()], [stopped], [queued], [again]]).join(), /R8 /);
  });

  it('sees a stopped run that is to clean up and has lost its stop (R8)', () => {
    const pinned = { pin: '1' };
    const stopped = running({ ...pinned, stopCause: 'cancel' });
    const queued = row({ ...pinned, attempt: 1, fence: fenceOf(1) });
    const lost = running({ ...pinned, attempt: 2, fence: fenceOf(2) });
    const kept = { ...lost, stopCause: 'cancel' } as const;
    const first = [[base], [running(pinned)], [stopped], [queued]];
    assert.match(judge([...first, [lost]]).join(), /R8 /);
    assert.doesNotMatch(judge([...first, [kept]]).join(), /R8 /);
  });
});

/**
 * Owns what of a stored run has changed.
 *
 * W1 An update names only the columns that differ, so that SQLite rewrites only the indexes over
 *    them.
 */
import { outcomeCodes, stageCodes } from '../run-tuple.ts';
import type { RunState } from '../verbs/tables.ts';
import type { Sql } from './statement.ts';

/** The columns that change during a life; bit `n` of a change mask stands for the n-th of them. */
export const stateColumns = [
  'stage',
  'attempt',
  'fence',
  'failures',
  'crashes',
  'lane_held',
  'tenant_held',
  'due_at',
  'rank',
  'tag',
  'wait_key',
  'owner',
  'started_at',
  'stop_cause',
  'stop_reason',
  'stop_since',
  'overdue_at',
  'overdue_cause',
  'outcome',
  'finished_at',
  'error',
  'pin',
] as const;

/**
 * What differs between two states of a run: a mask over `stateColumns`, and the new values in their
 * order, appended to `values`. Written out because a loop over property names costs ten times as
 * much.
 */
export function changesOf(a: RunState, b: RunState, values: Sql[]): number {
  let mask = 0;
  const set = (bit: number, value: Sql): void => {
    mask |= 1 << bit;
    values.push(value);
  };
  if (a.stage !== b.stage) set(0, stageCodes[b.stage]);
  if (a.attempt !== b.attempt) set(1, b.attempt);
  if (a.fence !== b.fence) set(2, b.fence);
  if (a.failures !== b.failures) set(3, b.failures);
  if (a.crashes !== b.crashes) set(4, b.crashes);
  if (a.laneHeld !== b.laneHeld) set(5, b.laneHeld ? 1 : 0);
  if (a.tenantHeld !== b.tenantHeld) set(6, b.tenantHeld ? 1 : 0);
  if (a.dueAt !== b.dueAt) set(7, b.dueAt);
  if (a.rank !== b.rank) set(8, b.rank);
  if (a.tag !== b.tag) set(9, b.tag);
  if (a.waitKey !== b.waitKey) set(10, b.waitKey);
  if (a.owner !== b.owner) set(11, b.owner);
  if (a.startedAt !== b.startedAt) set(12, b.startedAt);
  if (a.stopCause !== b.stopCause) set(13, b.stopCause);
  if (a.stopReason !== b.stopReason) set(14, b.stopReason);
  if (a.stopSince !== b.stopSince) set(15, b.stopSince);
  if (a.overdueAt !== b.overdueAt) set(16, b.overdueAt);
  if (a.overdueCause !== b.overdueCause) set(17, b.overdueCause);
  if (a.outcome !== b.outcome) set(18, b.outcome === null ? null : outcomeCodes[b.outcome]);
  if (a.finishedAt !== b.finishedAt) set(19, b.finishedAt);
  if (a.error !== b.error) set(20, b.error);
  if (a.pin !== b.pin) set(21, b.pin);
  return mask;
}

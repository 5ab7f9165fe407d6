/**
 * Owns what others than the owner do to a run: cancelling, and the passing of time.
 *
 * P1 A run that has not begun ends at once; a running one is asked to stop, and ended for its owner
 *    only when that did not obey within its grace and a margin. One that is parked, or queued in
 *    the middle of its steps, is handed out once more to clean up, and ended when nobody takes it.
 * P2 A sweep changes a bounded number of rows; what is left is the next sweep's.
 */
import type { RunEvent } from '../../core/execution/event.ts';
import type { NodeKey } from '../../core/execution/run.ts';
import { limits } from '../../core/limits.ts';
import type { Waking } from '../../ports/store.ts';
import type {
  CancelItem,
  CancelVerdict,
  OwnedRun,
  StopOrder,
  SweepReply,
} from '../../ports/store-runs.ts';
import { applyEvent } from './apply.ts';
import { nextDueAt } from './claim.ts';
import { closeFamilies } from './closing.ts';
import { spreadOpen } from './events.ts';
import type { RunRow } from './tables.ts';
import type { Txn } from './txn.ts';

/** Cancels runs, each with its own verdict. */
export function cancel(txn: Txn, items: readonly CancelItem[]): Waking<readonly CancelVerdict[]> {
  const reply = items.map(({ id, reason }): CancelVerdict => {
    const row = txn.tables.runs.byId(id);
    if (row === undefined) return { ok: false, code: 'run.not_found', message: `no run '${id}'` };
    const applied = applyEvent(txn, row, { type: 'cancel', reason });
    if (applied.ok) {
      return { ok: true, state: applied.row.stage === 'done' ? 'cancelled' : 'stopping' };
    }
    const message = `run '${id}' has its outcome already: ${row.outcome}`;
    return { ok: false, code: 'run.already_done', message };
  });
  return { reply, woken: txn.takeWoken() };
}

/** Runs of a node that are asked to stop. */
export function stops(txn: Txn, node: NodeKey): readonly StopOrder[] {
  const orders: StopOrder[] = [];
  for (const row of txn.tables.runs.stopsOf(node)) {
    if (row.stopCause === null) continue;
    const { seq, fence, stopCause: cause, stopReason } = row;
    orders.push({ seq, fence, cause, reason: stopReason ?? '' });
  }
  return orders;
}

/** Runs that a node owns, its lingering code left out. */
export function owned(txn: Txn, node: NodeKey, rowsMax: number): readonly OwnedRun[] {
  const bound = Math.min(Math.max(1, rowsMax), limits.batchItemsMax);
  const rows = txn.tables.runs.ownedBy(node, bound);
  return rows.map(({ seq, attempt, fence, stage }) => {
    return { seq, attempt, fence, lingers: stage !== 'running' };
  });
}

/**
 * Does what time alone brings about, for at most `rowsMax` runs of each kind; for fewer that are
 * due, if some were moved before.
 */
export function sweep(txn: Txn, rowsMax: number, dueRowsMax = rowsMax): Waking<SweepReply> {
  const { runs } = txn.tables;
  const { wall, judge } = txn.moment;
  const bound = Math.min(Math.max(1, rowsMax), limits.sweepRowsMax);
  const expired = runs.pastDeadline(wall, bound);
  let ended = each(txn, expired, () => ({ type: 'deadline-passed' }));
  const late = runs.overdue(judge, bound);
  ended += each(txn, late, ({ overdueCause: cause }) =>
    cause === null ? null : { type: 'overdue', cause, chance: 0.5 },
  );
  const dueBound = Math.min(bound, dueRowsMax);
  const came = runs.due(wall, dueBound);
  const due = each(txn, came, () => ({ type: 'came-due' }));
  const goesOn = spreadOpen(txn, bound);
  const closes = closeFamilies(txn, bound);
  const full = [expired, late].some((rows) => rows.length === bound);
  const woken = txn.takeWoken();
  // What ended just now may have left something for its family.
  const left = closes || woken.family === true;
  const more = goesOn || left || full || came.length === dueBound;
  return { reply: { due, ended, more, nextDueAt: nextDueAt(txn) }, woken };
}

/** Applies an event to each row as it is by then: the row before may have let it through a gate. */
function each(
  txn: Txn,
  rows: readonly RunRow[],
  eventFor: (row: RunRow) => RunEvent | null,
): number {
  let applied = 0;
  for (const { seq } of rows) {
    const row = txn.tables.runs.bySeq(seq);
    const event = row === undefined ? null : eventFor(row);
    if (row === undefined || event === null) continue;
    if (applyEvent(txn, row, event).ok) applied += 1;
  }
  return applied;
}

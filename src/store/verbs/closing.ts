/**
 * Owns what is done, in sweeps, for the families of runs that ended or were asked to stop: the
 * parent hears of it, and the children are closed as they were started to be.
 *
 * C1 A parent that waits for a group goes on when the last of the group has ended.
 * C2 Children of a run that ended are closed by their word: `terminate`, `cancel`, `abandon`. Those
 *    of a run that is asked to stop are asked to stop too, except `abandon`; what its clean-up
 *    starts later is closed at its end.
 * C3 One sweep changes a bounded number of rows, over all families; each says how far it came.
 */
import { childKeys } from '../../core/durable/keys.ts';
import { overdueMarginMs } from '../../core/execution/deadline.ts';
import { applyEvent } from './apply.ts';
import type { Closing, KinRow } from './family-table.ts';
import { allEnded, endWait } from './recording.ts';
import type { RunRow } from './tables.ts';
import type { Txn } from './txn.ts';

/** Families that one sweep goes on with. */
export const closingsMax = 100;

/** Goes on with families, at most with `rowsMax` children; says whether there is more. */
export function closeFamilies(txn: Txn, rowsMax: number): boolean {
  const closings = txn.tables.kin.closings(closingsMax);
  if (closings.length === 0) return false;
  const each = childrenEach(closings.length, rowsMax);
  let more = closings.length === closingsMax;
  for (const closing of closings) if (goOn(txn, closing, each)) more = true;
  return more;
}

/** C3: how many children of each family one sweep looks at. */
const childrenEach = (families: number, rowsMax: number): number =>
  Math.max(1, Math.floor(rowsMax / families));

/** True: there is more to do for this family. */
function goOn(txn: Txn, closing: Closing, rowsMax: number): boolean {
  const { kin } = txn.tables;
  const { seq, how, after, upto } = closing;
  const row = kin.of(seq);
  if (row !== undefined && how === 'end' && after === 0) tellParent(txn, row);
  const children = row?.hasChildren ? kin.childrenAfter(seq, after, upto, rowsMax) : [];
  for (const child of children) {
    if (how === 'end') close(txn, child);
    else askToStop(txn, child);
  }
  const last = children.at(-1);
  if (last === undefined || children.length < rowsMax) {
    kin.dropClosing(seq);
    return false;
  }
  kin.putClosing({ ...closing, after: last.seq });
  return true;
}

/** C1 */
function tellParent(txn: Txn, { parent, group, parentOpen }: KinRow): void {
  if (parent === null || group === null || !parentOpen) return;
  if (txn.tables.kin.anyOpen(parent, group)) return;
  const { wait } = childKeys(group);
  if (txn.tables.steps.get(parent, wait) === undefined) return;
  endWait(txn, parent, wait, allEnded);
}

/** C2: nobody will ask for it any more. */
function close(txn: Txn, child: KinRow): void {
  txn.tables.kin.put({ ...child, parentOpen: false });
  if (!child.open || child.close === 'abandon') return;
  const row = cancelled(txn, child, 'has ended');
  if (row === null || row.stage === 'done' || child.close !== 'terminate') return;
  if (row.stage === 'running') cutShort(txn, row);
  // It is not handed out to clean up.
  else applyEvent(txn, row, { type: 'overdue', cause: 'stop', chance: 0 });
}

function askToStop(txn: Txn, child: KinRow): void {
  if (child.open && child.close !== 'abandon') cancelled(txn, child, 'was asked to stop');
}

function cancelled(txn: Txn, { seq, parent }: KinRow, what: string): RunRow | null {
  const { runs } = txn.tables;
  const row = runs.bySeq(seq);
  if (row === undefined) return null;
  const above = parent === null ? undefined : runs.bySeq(parent);
  const reason = above === undefined ? 'its parent is gone' : `its parent '${above.id}' ${what}`;
  const applied = applyEvent(txn, row, { type: 'cancel', reason });
  return applied.ok ? applied.row : null;
}

/** Its owner is told as by any cancel, and is not waited for as long as its grace. */
function cutShort(txn: Txn, row: RunRow): void {
  const { judge, judgeStepMsMax = 0 } = txn.moment;
  const overdueAt = judge + overdueMarginMs + judgeStepMsMax;
  if (row.overdueAt !== null && row.overdueAt <= overdueAt) return;
  txn.tables.runs.update(row, { ...row, overdueAt, overdueCause: 'stop' });
}

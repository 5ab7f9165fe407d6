/**
 * Owns what a family means at the moment when a run is accepted, asked to stop, or ends.
 *
 * F1 Only the attempt that owns a run starts children of it.
 * F2 What is to be done for others is written down in the same transaction, and worked off by
 *    sweeps: the cost of an end does not grow with the number of children.
 * F3 The last of a group to end has its parent told; the others leave nothing behind.
 * F4 No child is given more time than its parent has.
 */
import { fenceHolds } from '../../core/fence.ts';
import { limits } from '../../core/limits.ts';
import type { WallMs } from '../../core/time.ts';
import type { ParentPlace } from '../../ports/store-family.ts';
import type { StartItem, StartVerdict } from '../../ports/store-runs.ts';
import type { KinRow } from './family-table.ts';
import type { RunRow } from './tables.ts';
import type { Txn } from './txn.ts';

/** The parent of a run that is to be accepted, if it has one. */
export type Parentage =
  | { readonly ok: true; readonly parent: RunRow | null; readonly depth: number }
  | Extract<StartVerdict, { ok: false }>;

const none: Parentage = { ok: true, parent: null, depth: 0 };

/** F1 */
export function parentageOf(txn: Txn, { parent: place, fn }: StartItem): Parentage {
  if (place === undefined) return none;
  const { runs, kin } = txn.tables;
  const row = runs.bySeq(place.seq);
  if (row === undefined || row.stage !== 'running' || !fenceHolds(row.fence, place.fence)) {
    const who = row === undefined ? `run number ${place.seq}` : `run '${row.id}'`;
    const message = `${who} is not owned under fence ${place.fence} any more; it starts no child`;
    return { ok: false, code: 'parent.over', message };
  }
  const depth = (kin.of(row.seq)?.depth ?? 0) + 1;
  if (depth <= limits.childDepthMax) return { ok: true, parent: row, depth };
  const message =
    `a run of '${fn}' would be the child of ${depth} runs above each other; ` +
    `${limits.childDepthMax} are allowed`;
  return { ok: false, code: 'child.too_deep', message };
}

/** F4 */
export function earlier(own: WallMs | null, parent: WallMs | null): WallMs | null {
  if (own === null || parent === null) return own ?? parent;
  return own < parent ? own : parent;
}

/** Whether a run that is there is the child that is to be accepted. */
export function isThatChild(txn: Txn, seq: number, place: ParentPlace): boolean {
  const row = txn.tables.kin.of(seq);
  if (row === undefined) return false;
  return row.parent === place.seq && row.group === place.group && row.index === place.index;
}

/** A child was accepted. */
export function born(txn: Txn, seq: number, place: ParentPlace, depth: number): void {
  const { kin } = txn.tables;
  const parent = kin.of(place.seq) ?? rootOf(place.seq);
  if (!parent.hasChildren) kin.put({ ...parent, hasChildren: true });
  const { group, index, close } = place;
  const states = { open: true, parentOpen: true, hasChildren: false };
  kin.put({ seq, parent: place.seq, group, index, close, depth, ...states });
}

const rootOf = (seq: number): KinRow => ({
  ...{ seq, parent: null, group: null, index: 0, close: 'abandon', depth: 0 },
  ...{ open: true, parentOpen: false, hasChildren: false },
});

/** F2, F3: a run has its outcome. */
export function familyEnded(txn: Txn, seq: number): void {
  const { kin } = txn.tables;
  const row = kin.of(seq);
  if (row === undefined || !row.open) return;
  kin.put({ ...row, open: false });
  const { parent, group, parentOpen, hasChildren } = row;
  const last = parent !== null && group !== null && parentOpen && !kin.anyOpen(parent, group);
  if (!last && !hasChildren) return;
  kin.putClosing({ seq, how: 'end', after: 0, upto: null });
  txn.woke('family');
}

/** F2: a run was asked to stop. What it starts from now on belongs to its clean-up. */
export function familyStopping(txn: Txn, seq: number): void {
  const { kin } = txn.tables;
  const row = kin.of(seq);
  if (row === undefined || !row.hasChildren) return;
  const upto = kin.lastChild(seq);
  if (upto === null) return;
  kin.putClosing({ seq, how: 'stop', after: 0, upto });
  txn.woke('family');
}

/** Whether somebody may still need a run that has ended. */
export function isNeeded(txn: Txn, seq: number): boolean {
  const { kin } = txn.tables;
  const row = kin.of(seq);
  if (row === undefined) return false;
  return row.parentOpen || kin.closing(seq) !== undefined;
}

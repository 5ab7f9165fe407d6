/**
 * Owns the looking at the children of a run. Nothing here writes.
 */
import { limits } from '../../core/limits.ts';
import type { ChildRow, ChildrenAsk, ChildrenPage } from '../../ports/store-family.ts';
import type { KinRow } from './family-table.ts';
import { statusOf } from './reads.ts';
import { outcomeOf } from './row.ts';
import type { Txn } from './txn.ts';

/** Children that are read at once: what each gave may be large. */
const rowsEach = 64;

/** Children of a run from after the given one; null: there is no such run. */
export function children(txn: Txn, ask: ChildrenAsk): ChildrenPage | null {
  const { runs } = txn.tables;
  const row = runs.byId(ask.id);
  if (row === undefined) return null;
  const bound = Math.min(Math.max(1, ask.rowsMax), limits.childPageRowsMax);
  const page: ChildRow[] = [];
  let { after } = ask;
  let chars = 0;
  for (;;) {
    const room = Math.min(rowsEach, bound - page.length);
    if (room === 0) return { children: page, next: after };
    const rows = rowsOf(txn, row.seq, ask.group, after, room);
    for (const kin of rows) {
      const child = childOf(txn, kin, ask.results);
      if (child === null) continue;
      chars += (child.result?.length ?? 0) + (runs.bySeq(kin.seq)?.error?.length ?? 0);
      if (chars > limits.childPageCharsMax && page.length > 0) {
        return { children: page, next: after };
      }
      page.push(child);
      after = ask.group === null ? kin.seq : kin.index;
    }
    if (rows.length < room) return { children: page, next: null };
  }
}

function rowsOf(
  { tables: { kin } }: Txn,
  seq: number,
  group: string | null,
  after: number | null,
  rowsMax: number,
): readonly KinRow[] {
  if (group === null) return kin.childrenAfter(seq, after ?? 0, null, rowsMax);
  return kin.groupAfter(seq, group, after ?? -1, rowsMax);
}

function childOf(
  { tables: { runs } }: Txn,
  { seq, group, index, close }: KinRow,
  results: boolean,
): ChildRow | null {
  const row = runs.bySeq(seq);
  if (row === undefined) return null;
  const { id, fn, acceptedAt, stage, finishedAt } = row;
  return {
    ...{ id, fn, group: group ?? '', index, close, acceptedAt },
    status: statusOf(stage),
    finishedAt: stage === 'done' ? finishedAt : null,
    outcome: stage === 'done' ? outcomeOf(row) : null,
    result: results && row.outcome === 'succeeded' ? runs.result(seq) : null,
  };
}

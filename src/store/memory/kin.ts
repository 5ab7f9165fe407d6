/**
 * Owns the families of runs.
 *
 * F1 Every index is brought along by `put` and `forget`, from the row before and after.
 */
import { childKeys } from '../../core/durable/keys.ts';
import type { Closing, KinRow, KinTable } from '../verbs/family-table.ts';
import type { StepTable } from '../verbs/tables.ts';
import type { Journal } from './journal.ts';
import { Ordered } from './ordered.ts';

/** Names of groups have no control characters. */
const joint = '\u0001';
const afterJoint = '\u0002';
const join = (...parts: readonly string[]): string => parts.join(joint);
/** Numbers as texts in their order. */
const text = (value: number): string => String(value).padStart(16, '0');

/** The table, and the forgetting of a run. */
export interface MemoryKin {
  readonly table: KinTable;
  forget(seq: number): void;
}

interface Parts {
  readonly rows: Ordered<number, KinRow>;
  readonly bySeq: Ordered<string, number>;
  readonly byIndex: Ordered<string, number>;
  readonly open: Ordered<string, number>;
  readonly closings: Ordered<number, Closing>;
}

/** Opens the table. */
export function openKin(journal: Journal, steps: StepTable): MemoryKin {
  const parts: Parts = {
    rows: Ordered.byNumber(journal),
    bySeq: Ordered.byText(journal),
    byIndex: Ordered.byText(journal),
    open: Ordered.byText(journal),
    closings: Ordered.byNumber(journal),
  };
  const { rows, bySeq, byIndex, open, closings } = parts;
  const first = (seqs: Iterable<number>, rowsMax: number): readonly KinRow[] =>
    taken(seqs, rowsMax).flatMap((seq) => rows.get(seq) ?? []);
  return {
    table: {
      of: (seq) => rows.get(seq),
      put: (row) => put(parts, Object.freeze({ ...row })),
      anyOpen(parent, group) {
        const prefix = join(text(parent), group);
        return open.firstAfter(prefix + joint, prefix + afterJoint) !== undefined;
      },
      childrenAfter(parent, after, upto, rowsMax) {
        const end = upto === null ? text(parent) + afterJoint : join(text(parent), text(upto + 1));
        return first(bySeq.between(join(text(parent), text(after)), end), rowsMax);
      },
      groupAfter(parent, group, afterIndex, rowsMax) {
        const prefix = join(text(parent), group);
        const from = afterIndex < 0 ? prefix + joint : join(prefix, text(afterIndex));
        return first(byIndex.between(from, prefix + afterJoint), rowsMax);
      },
      lastChild(parent) {
        let last: number | null = null;
        for (const seq of within(bySeq, parent)) last = seq;
        return last;
      },
      count: (parent, openOnly, atMost) =>
        taken(within(openOnly ? open : bySeq, parent), atMost).length,
      firstOpenStart: (parent) => firstStart(parts, steps, parent),
      closings(rowsMax) {
        const found: Closing[] = [];
        for (const closing of closings.after()) {
          if (found.length >= rowsMax) break;
          found.push(closing);
        }
        return found;
      },
      closing: (seq) => closings.get(seq),
      putClosing: (closing) => closings.put(closing.seq, Object.freeze({ ...closing })),
      dropClosing: (seq) => void closings.drop(seq),
    },
    forget(seq) {
      const row = rows.get(seq);
      if (row === undefined) return;
      unlist(parts, row);
      rows.drop(seq);
      closings.drop(seq);
    },
  };
}

function put(parts: Parts, row: KinRow): void {
  const { seq, parent, group } = row;
  const before = parts.rows.get(seq);
  if (before !== undefined) unlist(parts, before);
  parts.rows.put(seq, row);
  if (parent === null || group === null) return;
  parts.bySeq.put(join(text(parent), text(seq)), seq);
  parts.byIndex.put(join(text(parent), group, text(row.index)), seq);
  if (row.open) parts.open.put(join(text(parent), group, text(row.index)), seq);
}

function unlist(parts: Parts, { seq, parent, group, index }: KinRow): void {
  if (parent === null || group === null) return;
  parts.bySeq.drop(join(text(parent), text(seq)));
  parts.byIndex.drop(join(text(parent), group, text(index)));
  parts.open.drop(join(text(parent), group, text(index)));
}

const within = (index: Ordered<string, number>, parent: number): Iterable<number> =>
  index.between(text(parent) + joint, text(parent) + afterJoint);

function taken(seqs: Iterable<number>, rowsMax: number): readonly number[] {
  const found: number[] = [];
  for (const seq of seqs) {
    if (found.length >= rowsMax) break;
    found.push(seq);
  }
  return found;
}

function firstStart({ open, rows }: Parts, steps: StepTable, parent: number): string | null {
  let first: { readonly key: string; readonly ord: number } | null = null;
  const groups = new Set<string>();
  for (const seq of within(open, parent)) groups.add(rows.get(seq)?.group ?? '');
  for (const group of groups) {
    const { start: key } = childKeys(group);
    const ord = steps.get(parent, key)?.ord;
    if (ord !== undefined && (first === null || ord < first.ord)) first = { key, ord };
  }
  return first?.key ?? null;
}

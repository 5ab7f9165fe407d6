/**
 * Owns the signals to runs in memory, by run and number, with those apart that nobody was given.
 */

import { takes } from '../../core/durable/signals.ts';
import type { SignalRow } from '../../ports/store-signals.ts';
import type { SignalTable } from '../verbs/tables.ts';
import type { Journal } from './journal.ts';
import { Ordered } from './ordered.ts';

/** The table, and the forgetting of a run. */
export interface MemorySignals {
  readonly table: SignalTable;
  forget(seq: number): void;
}

/** Numbers as texts in their order. */
const text = (value: number): string => String(value).padStart(16, '0');

const keyOf = (seq: number, n: number): string => `${text(seq)} ${text(n)}`;
const idOf = (seq: number, id: string): string => `${text(seq)} ${id}`;

interface Size {
  readonly last: number;
  readonly unread: number;
}

const empty: Size = { last: 0, unread: 0 };

/** Opens the table. */
export function openSignals(journal: Journal): MemorySignals {
  const rows = Ordered.byText<SignalRow>(journal);
  const unread = Ordered.byText<SignalRow>(journal);
  const ids = Ordered.byText<SignalRow>(journal);
  const sizes = Ordered.byNumber<number, Size>(journal);
  const size = (seq: number): Size => sizes.get(seq) ?? empty;
  const put = (seq: number, row: SignalRow): void => {
    const kept = Object.freeze({ ...row });
    rows.put(keyOf(seq, row.n), kept);
    ids.put(idOf(seq, row.id), kept);
    if (row.taken) unread.drop(keyOf(seq, row.n));
    else unread.put(keyOf(seq, row.n), kept);
  };
  const behind = (seq: number): string => text(seq + 1);
  return {
    table: {
      byId: (seq, id) => ids.get(idOf(seq, id)),
      size,
      insert(seq, row) {
        const { last, unread: before } = size(seq);
        put(seq, row);
        sizes.put(seq, { last: Math.max(last, row.n), unread: before + (row.taken ? 0 : 1) });
      },
      first(seq, names) {
        for (const row of unread.between(text(seq), behind(seq))) {
          if (takes(names, row.name)) return row;
        }
        return undefined;
      },
      take(seq, n) {
        const row = rows.get(keyOf(seq, n));
        if (row === undefined || row.taken) return;
        put(seq, { ...row, taken: true });
        const { last, unread: before } = size(seq);
        sizes.put(seq, { last, unread: before - 1 });
      },
    },
    forget(seq) {
      for (const { n, id } of [...rows.between(text(seq), behind(seq))]) {
        rows.drop(keyOf(seq, n));
        unread.drop(keyOf(seq, n));
        ids.drop(idOf(seq, id));
      }
      sizes.drop(seq);
    },
  };
}

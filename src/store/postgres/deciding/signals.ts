/**
 * Owns signals as one decision sees them: what was loaded, with its own changes over it.
 *
 * S1 The answer of a query is that of the table with the decision's changes written.
 */

import { takes } from '../../../core/durable/signals.ts';
import type { SignalRow } from '../../../ports/store-signals.ts';
import type { SignalTable } from '../../verbs/tables.ts';
import { jsonParam } from '../json-param.ts';
import { type Loaded, Missing } from './loaded.ts';
import { keyOf } from './loaded-steps.ts';

/** The table, and what the decision changed in it. */
export interface DecidedSignals extends SignalTable {
  readonly inserted: readonly (SignalRow & { readonly seq: number })[];
  readonly taken: ReadonlySet<string>;
}

/** Signals that are loaded of an inbox when the first was not enough. */
const furtherRows = 64;

/** Opens the table. */
export function openSignals({ signals: loaded, rows }: Loaded): DecidedSignals {
  const inserted: (SignalRow & { readonly seq: number })[] = [];
  const taken = new Set<string>();
  const idOf = (seq: number): string => rows.get(seq)?.id ?? '';
  const ofRun = (seq: number) => inserted.filter((row) => row.seq === seq);
  return {
    inserted,
    taken,
    byId(seq, id) {
      const fresh = inserted.find((row) => row.seq === seq && row.id === id);
      const row = fresh ?? loaded.byId.get(keyOf(seq, id));
      if (row !== undefined || loaded.asked.has(keyOf(seq, id))) return row;
      throw new Missing({ signalsTo: [{ run: idOf(seq), id }] });
    },
    size(seq) {
      const size = loaded.sizes.get(seq);
      if (size === undefined) throw new Missing({ signalsTo: [{ run: idOf(seq), id: '' }] });
      const fresh = ofRun(seq);
      const unread = fresh.filter((row) => !row.taken).length;
      return { last: size.last + fresh.length, unread: size.unread + unread };
    },
    insert: (seq, row) => void inserted.push({ ...row, seq }),
    first(seq, names) {
      const known = loaded.firsts.get(keyOf(seq, names));
      if (known === undefined) throw new Missing({ inboxes: [{ seq, names, max: 1 }] });
      const free = (row: SignalRow) => !row.taken && !taken.has(keyOf(seq, row.n));
      const found = known.rows.find(free);
      if (found !== undefined) return found;
      if (known.rows.length < known.max) {
        return ofRun(seq).find((row) => free(row) && takes(names, row.name));
      }
      throw new Missing({ inboxes: [{ seq, names, max: known.max + furtherRows }] });
    },
    take: (seq, n) => void taken.add(keyOf(seq, n)),
  };
}

/** What `apply_signals` is told; null when nothing changed. */
export function signalsText({ inserted, taken }: DecidedSignals): string | null {
  if (inserted.length === 0 && taken.size === 0) return null;
  const fresh = inserted.map((row) => ({
    ...row,
    taken: row.taken || taken.has(keyOf(row.seq, row.n)),
  }));
  const takesOf = [...taken].map((key) => {
    const [seq, n] = JSON.parse(key) as readonly [number, number];
    return { seq, n };
  });
  return jsonParam({ signals: fresh, takes: takesOf });
}

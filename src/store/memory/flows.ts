/**
 * Owns what flow control keeps in memory, and the list of dead letters.
 *
 * W1 A row stands once by its place and once by when it expires.
 */
import type { DeadFilter } from '../../ports/store-flow.ts';
import type { DeadTable, FlowPlace, FlowRow, FlowTable } from '../verbs/flow-tables.ts';
import type { Journal } from './journal.ts';
import { Ordered } from './ordered.ts';

const joint = '\u0001';

const placeOf = ({ fn, tenant, key, term }: FlowPlace): string =>
  [fn, tenant, key, term].join(joint);

/** Times as text, in their order. */
const expiryOf = (row: FlowRow): string =>
  `${String(Math.floor(row.expiresAt)).padStart(16, '0')}${joint}${placeOf(row)}`;

/** Opens the table of flow control. */
export function openFlows(journal: Journal): FlowTable {
  const rows = Ordered.byText<FlowRow>(journal);
  const byExpiry = Ordered.byText<FlowRow>(journal);
  const remove = (place: FlowPlace): void => {
    const before = rows.get(placeOf(place));
    if (before === undefined) return;
    rows.drop(placeOf(place));
    byExpiry.drop(expiryOf(before));
  };
  return {
    get: (place) => rows.get(placeOf(place)),
    put(given) {
      remove(given);
      const row = Object.freeze({ ...given });
      rows.put(placeOf(row), row);
      byExpiry.put(expiryOf(row), row);
    },
    remove,
    count: () => rows.size,
    expired(now, rowsMax) {
      const found: FlowRow[] = [];
      for (const row of byExpiry.after()) {
        if (found.length >= rowsMax || row.expiresAt > now) break;
        found.push(row);
      }
      return found;
    },
  };
}

type Letter = DeadFilter & { readonly seq: number };

/** Opens the list of dead letters. */
export function openDead(journal: Journal): DeadTable {
  const rows = Ordered.byNumber<number, Letter>(journal);
  return {
    has: (seq) => rows.get(seq) !== undefined,
    add: ({ seq, fn, tenant }) => rows.put(seq, Object.freeze({ seq, fn, tenant })),
    remove: (seq) => void rows.drop(seq),
    page({ fn, tenant }, before, rowsMax) {
      const found: number[] = [];
      for (const row of rows.before(before ?? Number.POSITIVE_INFINITY)) {
        if (found.length >= rowsMax) break;
        if (fn !== undefined && row.fn !== fn) continue;
        if (tenant === undefined || row.tenant === tenant) found.push(row.seq);
      }
      return found;
    },
  };
}

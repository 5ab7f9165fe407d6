/**
 * Owns the events that are kept.
 *
 * E1 An event is kept once for each id of its tenant, by its number.
 * E2 Numbers and times grow together: the order by number is the order by time.
 */
import type { WallMs } from '../../core/time.ts';
import type { EventTable, KeptEvent } from '../verbs/tables.ts';
import type { Journal } from './journal.ts';
import { Cell, Ordered } from './ordered.ts';

const joint = '\u0001';
const afterJoint = '\u0002';
const text = (value: number): string => String(value).padStart(16, '0');

/** Opens the table. */
export function openEvents(journal: Journal): EventTable {
  const byNumber = Ordered.byNumber<number, KeptEvent>(journal);
  const byId = Ordered.byText<number>(journal);
  const byName = Ordered.byText<number>(journal);
  const open = Ordered.byNumber<number, number>(journal);
  const next = new Cell(journal, 1);
  const last = new Cell<WallMs | null>(journal, null);
  const idOf = ({ tenant, id }: { tenant: string; id: string }) => `${tenant}${joint}${id}`;
  const nameOf = (tenant: string, name: string) => `${tenant}${joint}${name}`;
  const placeOf = ({ tenant, name, at, n }: Pick<KeptEvent, 'tenant' | 'name' | 'at' | 'n'>) =>
    `${nameOf(tenant, name)}${joint}${text(at)}${joint}${text(n)}`;
  const known = (n: number | undefined) => (n === undefined ? undefined : byNumber.get(n));
  return {
    insert(item, at, isOpen) {
      const n = next.value;
      next.value = n + 1;
      last.value = at;
      const event = Object.freeze({ ...item, n, at, open: isOpen });
      byNumber.put(n, event);
      byId.put(idOf(item), n);
      byName.put(placeOf(event), n);
      if (isOpen) open.put(n, n);
      return n;
    },
    byId: (tenant, id) => known(byId.get(idOf({ tenant, id }))),
    after({ tenant, name, since }, n, _match, rowsMax) {
      const from = Math.max(since, byNumber.get(n)?.at ?? since) as WallMs;
      const numbers = byName.between(
        placeOf({ tenant, name, at: from, n }),
        nameOf(tenant, name) + afterJoint,
      );
      return first(numbers, rowsMax, (number) => (number > n ? byNumber.get(number) : undefined));
    },
    open: (rowsMax) => first(open.after(), rowsMax, (n) => byNumber.get(n)),
    close(n) {
      const event = byNumber.get(n);
      if (event !== undefined && open.drop(n)) byNumber.put(n, { ...event, open: false });
    },
    count: () => byNumber.size,
    lastAt: () => last.value,
    removeBefore(before, rowsMax) {
      const old = first(byNumber.after(), rowsMax, (event) =>
        event.at < before && !event.open ? event : undefined,
      );
      for (const event of old) {
        byNumber.drop(event.n);
        byId.drop(idOf(event));
        byName.drop(placeOf(event));
      }
      return old.length;
    },
  };
}

/** The first of those that are found. */
function first<From>(
  all: Iterable<From>,
  rowsMax: number,
  find: (one: From) => KeptEvent | undefined,
): readonly KeptEvent[] {
  const found: KeptEvent[] = [];
  for (const one of all) {
    if (found.length >= rowsMax) break;
    const event = find(one);
    if (event !== undefined) found.push(event);
  }
  return found;
}

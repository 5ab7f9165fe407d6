/**
 * Owns the expressions that give what a run is in its family, beside all else that is kept of it.
 */
import { limits } from '../../core/limits.ts';

/** How many children of a run are open, counted up to a bound. */
export const childrenOpen = (s: string, seq: string): string =>
  `(select count(*) from (select 1 from ${s}.kin o where o.parent = ${seq} and o.open = 1 ` +
  `limit ${limits.batchItemsMax}) q)`;

/** What a run is in its family, as an object. */
export const familyFacts = (s: string, seq: string): string => `json_build_object(
  'parent', (select r.id from ${s}.kin k join ${s}.runs r on r.seq = k.parent where k.seq = ${seq}),
  'children', (select count(*) from (select 1 from ${s}.kin o where o.parent = ${seq}
    limit ${limits.batchItemsMax}) q),
  'childrenOpen', ${childrenOpen(s, seq)})`;

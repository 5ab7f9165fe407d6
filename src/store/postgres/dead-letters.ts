/**
 * Owns the list of dead letters: one statement, on a snapshot, without the gate.
 *
 * L1 Ended ones come from the index of their list, quarantined ones from the index of runs that are
 *    set aside; both are read from the newest, no further than the page.
 */
import { limits } from '../../core/limits.ts';
import type { DeadAsk } from '../../ports/store-flow.ts';
import type { RunPage } from '../../ports/store-reads.ts';
import type { Queries } from './queries.ts';
import { type Shown, shown, viewOf } from './reads.ts';

/** A page of dead letters, newest first. */
export async function deadLetters(
  queries: Queries,
  s: string,
  { filter: { fn, tenant }, before, rowsMax }: DeadAsk,
): Promise<RunPage> {
  const bound = Math.min(Math.max(1, rowsMax), limits.pageRowsMax);
  const values: unknown[] = [before ?? Number.MAX_SAFE_INTEGER, bound + 1];
  const tests = ['q.seq < $1'];
  // What waits for a version has another name in `live` than its function.
  const asideTests = ['q.seq < $1', 'q.stage = 7'];
  const test = (column: string, value: string | undefined): void => {
    if (value === undefined) return;
    values.push(value);
    tests.push(`q.${column} = $${values.length}`);
    asideTests.push(`r.${column} = $${values.length}`);
  };
  test('fn', fn);
  test('tenant', tenant);
  const ended = tests.join(' and ');
  const aside = asideTests.join(' and ');
  const newest = 'order by q.seq desc limit $2';
  const rows = await queries.rows<{ readonly value: Shown }>(
    `select ${shown(s)} as value
     from (
       select seq from (
         (select q.seq from ${s}.dead q where ${ended} ${newest})
         union all
         (select q.seq from ${s}.live q join ${s}.runs r on r.seq = q.seq
           where ${aside} ${newest})
       ) either order by seq desc limit $2
     ) q
     join ${s}.run_rows v on v.seq = q.seq order by q.seq desc`,
    values,
  );
  const runs = rows.slice(0, bound).map(({ value }) => viewOf(value));
  return { runs, next: rows.length > bound ? (runs.at(-1)?.seq ?? null) : null };
}

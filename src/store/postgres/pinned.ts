/**
 * Owns the counting of unfinished runs that are pinned to one version of a function.
 *
 * C1 It looks at every unfinished run, as the counting of all runs does: it is for operators and
 *    metrics.
 */
import { limits } from '../../core/limits.ts';
import { fnOf, pinOf } from '../../core/queue.ts';
import type { PinnedRuns } from '../../ports/store-reads.ts';
import type { Queries } from './queries.ts';

/** Versions that unfinished runs are pinned to. */
export async function pinned(
  queries: Queries,
  s: string,
  rowsMax: number,
): Promise<readonly PinnedRuns[]> {
  const rows = await queries.rows<{ queue: string; unfinished: number; waiting: number }>(
    `select l.fn as queue, count(*)::integer as unfinished,
       (count(*) filter (where l.stage = 4))::integer as waiting
     from ${s}.live l where l.stage <> 8 and strpos(l.fn, chr(31)) > 0
     group by l.fn order by l.fn collate "C" limit $1`,
    [Math.min(Math.max(1, rowsMax), limits.pageRowsMax)],
  );
  return rows.map(({ queue, unfinished, waiting }) => ({
    ...{ fn: fnOf(queue), version: pinOf(queue) ?? '' },
    ...{ unfinished, waiting },
  }));
}

/**
 * Owns the looking at the children of a run: one statement each, on a snapshot, without the gate.
 *
 * L1 What a parent acts upon must not be undone by a crash of the server: ends that are shown are
 *    on the disk.
 */
import { limits } from '../../core/limits.ts';
import type { WallMs } from '../../core/time.ts';
import type { ChildClose, ChildRow, ChildrenAsk, ChildrenPage } from '../../ports/store-family.ts';
import { outcomeOf, stageOf } from '../run-tuple.ts';
import { statusOf } from '../verbs/reads.ts';
import { errorOf } from '../verbs/row.ts';
import type { Queries } from './queries.ts';
import { notDurable } from './reads.ts';

type Tuple = readonly [
  ...[seq: number, id: string, fn: string, group: string, index: number, close: ChildClose],
  ...[stage: number, acceptedAt: number, finishedAt: number | null, outcome: number | null],
  ...[error: string | null, result: string | null],
];

/** Children of a run from after the given one; null: there is no such run. */
export async function children(
  queries: Queries,
  s: string,
  { id, group, after, rowsMax, results }: ChildrenAsk,
): Promise<ChildrenPage | null> {
  const bound = Math.min(Math.max(1, rowsMax), limits.childPageRowsMax);
  const by = group === null ? 'seq' : 'idx';
  const which = `c.parent = r.seq and c.${by} > $2${group === null ? '' : ' and c.grp = $4'}`;
  const first = `${s}.kin c where ${which} order by c.${by} limit $3`;
  const result = results ? 'e.result' : 'null::text';
  const found = await queries.one<
    | { readonly rows: readonly Tuple[] | null; readonly count: number; readonly pending: boolean }
    | undefined
  >(
    `select json_build_object(
       'rows', (select json_agg(json_build_array(k.seq, v.id, v.fn, k.grp, k.idx, k.close, v.stage,
           v.accepted_at, v.finished_at, v.outcome, v.error, k.result) order by k.${by})
         filter (where k.at = 1 or k.chars <= ${limits.childPageCharsMax}) from (
           select w.*, row_number() over o as at,
             sum(coalesce(octet_length(w.result), 0) + coalesce(octet_length(w.error), 0))
               over o as chars
           from (select q.*, ${result} as result, e.error from (select c.* from ${first}) q
             left join ${s}.ended e on e.seq = q.seq) w
           window o as (order by w.${by} rows unbounded preceding)
         ) k join ${s}.run_rows v on v.seq = k.seq),
       'count', (select count(*) from (select 1 from ${first}) q),
       'pending', ${notDurable}) as value
     from ${s}.runs r where r.id = $1`,
    [id, after ?? (group === null ? 0 : -1), bound, ...(group === null ? [] : [group])],
  );
  if (found === undefined) return null;
  const rows = found.rows ?? [];
  if (found.pending && rows.some((row) => row[9] !== null)) await queries.flushed();
  const last = rows.at(-1);
  const whole = rows.length === found.count && found.count < bound;
  const at = last === undefined ? null : group === null ? last[0] : last[4];
  return { children: rows.map(rowOf), next: whole ? null : at };
}

function rowOf(tuple: Tuple): ChildRow {
  const [, id, fn, group, index, close, stage, acceptedAt, finishedAt, outcome, error] = tuple;
  const status = statusOf(stageOf(stage));
  return {
    ...{ id, fn, group, index, close, status },
    acceptedAt: acceptedAt as WallMs,
    finishedAt: status === 'done' ? (finishedAt as WallMs | null) : null,
    outcome: outcome === null ? null : { kind: outcomeOf(outcome), error: errorOf(error) },
    result: tuple[11],
  };
}

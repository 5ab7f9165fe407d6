/**
 * Owns the statement of one page of runs.
 *
 * P1 A page looks at a window of at most `pageScanRowsMax` rows of the table that fits the filter
 *    best: unfinished runs, ended ones, or all.
 */
import type { RunStatus } from '../../core/execution/run.ts';
import { limits } from '../../core/limits.ts';
import type { RunFilter, RunPageAsk } from '../../ports/store-reads.ts';
import { outcomeCodes } from '../run-tuple.ts';

/** A statement with its values. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Stages of a status, as a condition on `v`. */
const stageOf: Readonly<Record<RunStatus, string>> = {
  queued: 'v.stage <= 4',
  running: 'v.stage = 5',
  parked: 'v.stage = 6',
  quarantined: 'v.stage = 7',
  done: 'v.stage = 8',
};

/** The table whose newest rows are looked at, and what of it belongs to the window. */
function sourceOf({ status, outcome }: RunFilter): { table: string; where: string } {
  if (status === 'done' || outcome !== undefined) return { table: 'ended', where: 'true' };
  if (status === 'parked' || status === 'quarantined') {
    return { table: 'live', where: `w.stage = ${status === 'parked' ? 6 : 7}` };
  }
  if (status !== undefined) return { table: 'live', where: 'w.stage <> 8' };
  return { table: 'runs', where: 'true' };
}

/** The page, and what finds out where its window ends. */
export function pageText(
  s: string,
  shown: string,
  { filter, before }: RunPageAsk,
  rowsMax: number,
): Statement & { readonly window: Statement } {
  const values: unknown[] = [];
  const value = (given: unknown): string => {
    values.push(given);
    return `$${values.length}`;
  };
  const { table, where } = sourceOf(filter);
  const below = value(before ?? Number.MAX_SAFE_INTEGER);
  const from = `${s}.${table} w where w.seq < ${below} and ${where}`;
  const window = {
    text: `select w.seq::double precision as value from ${from} order by w.seq desc
      offset ${limits.pageScanRowsMax - 1} limit 1`,
    values: [...values],
  };
  const tests: string[] = [];
  const { status, outcome, fn, lane, tenant, tag, acceptedAfter, acceptedBefore } = filter;
  if (status !== undefined) tests.push(stageOf[status]);
  if (outcome !== undefined) tests.push(`v.outcome = ${value(outcomeCodes[outcome])}`);
  if (fn !== undefined) tests.push(`v.fn = ${value(fn)}`);
  if (lane !== undefined) tests.push(`v.lane = ${value(lane)}`);
  if (tenant !== undefined) tests.push(`v.tenant = ${value(tenant)}`);
  if (tag !== undefined) tests.push(`v.tags::jsonb ? ${value(tag)}`);
  if (acceptedAfter !== undefined) tests.push(`v.accepted_at > ${value(acceptedAfter)}`);
  if (acceptedBefore !== undefined) tests.push(`v.accepted_at < ${value(acceptedBefore)}`);
  const text = `select ${shown} as value
    from (select w.seq from ${from} order by w.seq desc limit ${limits.pageScanRowsMax}) q
    join ${s}.run_rows v on v.seq = q.seq
    ${tests.length === 0 ? '' : `where ${tests.join(' and ')}`}
    order by q.seq desc limit ${rowsMax}`;
  return { text, values, window };
}

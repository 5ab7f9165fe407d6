/**
 * Owns lists of runs: pages, newest first, of bounded cost.
 *
 * P1 A page looks at no more than `scanMax` rows. One without enough hits ends early and says where
 *    to go on; only the page that saw the oldest row says that there is nothing more.
 */
import type { RunFilter } from '../../ports/store-reads.ts';
import type { RunRow, RunTable } from '../verbs/tables.ts';
import type { Ordered } from './ordered.ts';

/** Opens the query. */
export function openPages(bySeq: Ordered<number, RunRow>, nextSeq: () => number) {
  return {
    page(filter, before, rowsMax, scanMax) {
      const rows: RunRow[] = [];
      let looked = 0;
      let last = 0;
      for (const row of bySeq.before(before ?? nextSeq())) {
        if (rows.length >= rowsMax || looked >= scanMax) return { rows, next: last };
        looked += 1;
        last = row.seq;
        if (matches(row, filter)) rows.push(row);
      }
      return { rows, next: null };
    },
  } satisfies Partial<RunTable>;
}

function matches(row: RunRow, filter: RunFilter): boolean {
  const { status, outcome, fn, lane, tenant, tag, acceptedAfter, acceptedBefore } = filter;
  return (
    (status === undefined || hasStatus(row, status)) &&
    (outcome === undefined || row.outcome === outcome) &&
    (fn === undefined || row.fn === fn) &&
    (lane === undefined || row.lane === lane) &&
    (tenant === undefined || row.tenant === tenant) &&
    (tag === undefined || row.tags.includes(tag)) &&
    (acceptedAfter === undefined || row.acceptedAt > acceptedAfter) &&
    (acceptedBefore === undefined || row.acceptedAt < acceptedBefore)
  );
}

const ownStages: readonly string[] = ['running', 'parked', 'quarantined', 'done'];

const hasStatus = ({ stage }: RunRow, status: NonNullable<RunFilter['status']>): boolean =>
  status === 'queued' ? !ownStages.includes(stage) : stage === status;

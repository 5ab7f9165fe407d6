/**
 * Owns lists of runs: pages, newest first, of bounded cost.
 *
 * P1 A page looks at no more than `scanMax` rows. Few enough rows of a status or outcome (the tally
 *    knows) are gathered by their index and sorted; else a window of sequence numbers is read
 *    downwards.
 * P2 A window without enough hits ends the page early: `next` says where to go on. It skips gaps
 *    that pruning left, so that every page but the last looks at a row.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { OutcomeKind } from '../../core/outcome.ts';
import type { RunFilter } from '../../ports/store-reads.ts';
import { outcomeCodes, type RunTuple, runColumns, runOf, stageCodes } from '../run-tuple.ts';
import type { RunTable } from '../verbs/tables.ts';
import { type Query, query, type Sql } from './statement.ts';
import type { Tally, TallyRow } from './tally.ts';

/** Prepared statements for distinct combinations of filters that are kept. */
const statementsMax = 64;

/** A set of rows by an index, and how many there are. */
interface Source {
  readonly from: string;
  readonly rows: number;
}

/** Opens the query. */
export function openRunPages(db: DatabaseSync, tally: TallyRow): Pick<RunTable, 'page'> {
  const prepared = new Map<string, Query<RunTuple>>();
  const prepare = (sql: string): Query<RunTuple> => {
    let statement = prepared.get(sql);
    if (statement === undefined) {
      if (prepared.size >= statementsMax) prepared.clear();
      statement = query<RunTuple>(db, sql);
      prepared.set(sql, statement);
    }
    return statement;
  };
  /** By rowid: the newest row below a bound. */
  const newest = query<readonly [number | null]>(db, 'SELECT max(seq) FROM runs WHERE seq < ?');
  return {
    page(filter, before, rowsMax, scanMax) {
      const { nextSeq, ...counts } = tally.look();
      const below = before ?? nextSeq;
      const where = conditionsOf(filter);
      const source = sourceOf(filter, counts);
      const few = source !== null && source.rows <= scanMax;
      const from = few ? source.from : 'FROM runs NOT INDEXED WHERE 1';
      const sql = `SELECT ${runColumns} ${from} AND seq < ? AND seq >= ? ${where.sql}
        ORDER BY seq DESC LIMIT ?`;
      const start = few ? below : (newest.one(below)?.[0] ?? 0) + 1;
      const floor = few ? 0 : Math.max(0, start - scanMax);
      const found = prepare(sql).all(start, floor, ...where.values, rowsMax + 1);
      const rows = found.slice(0, rowsMax).map(runOf);
      const last = rows.at(-1);
      if (found.length > rowsMax && last !== undefined) return { rows, next: last.seq };
      const rest = few ? null : (newest.one(floor)?.[0] ?? null);
      return { rows, next: rest === null ? null : rest + 1 };
    },
  };
}

/** The index that holds all rows that can match, if there is one. */
function sourceOf(
  filter: RunFilter,
  { stages, outcomes }: Pick<Tally, 'stages' | 'outcomes'>,
): Source | null {
  const { status, outcome } = filter;
  const of = (index: string, condition: string, rows: number): Source => ({
    from: `FROM runs INDEXED BY ${index} WHERE ${condition}`,
    rows,
  });
  if (outcome !== undefined) {
    return of('runs_finished', `outcome = ${outcomeCodes[outcome]}`, outcomes[outcome]);
  }
  switch (status) {
    case 'queued': {
      const queued = stages.time + stages.lane + stages.tenant + stages.slot;
      return of('runs_queued', `stage <= ${stageCodes.slot}`, queued);
    }
    case 'running': {
      // Ended runs whose code lingers are in this index too; they are few and filtered out.
      return of('runs_owner', 'owner IS NOT NULL', stages.running);
    }
    case 'parked':
    case 'quarantined': {
      const aside = `(stage = ${stageCodes.parked} OR stage = ${stageCodes.quarantined})`;
      return of('runs_aside', aside, stages.parked + stages.quarantined);
    }
    default:
      return null;
  }
}

/** The conditions of a filter, and their parameters. */
function conditionsOf(filter: RunFilter): {
  readonly sql: string;
  readonly values: readonly Sql[];
} {
  const parts: string[] = [];
  const values: Sql[] = [];
  const add = (condition: string, ...params: readonly Sql[]): void => {
    parts.push(`AND ${condition}`);
    values.push(...params);
  };
  const { status, outcome } = filter;
  if (status === 'queued') add(`stage <= ${stageCodes.slot}`);
  else if (status !== undefined) add(`stage = ${stageCodes[status]}`);
  if (outcome !== undefined) add('outcome = ?', codeOf(outcome));
  if (filter.fn !== undefined) add('fn = ?', filter.fn);
  if (filter.lane !== undefined) add('lane = ?', filter.lane);
  if (filter.tenant !== undefined) add('tenant = ?', filter.tenant);
  if (filter.tag !== undefined) {
    add('EXISTS (SELECT 1 FROM json_each(runs.tags) WHERE value = ?)', filter.tag);
  }
  if (filter.acceptedAfter !== undefined) add('accepted_at > ?', filter.acceptedAfter);
  if (filter.acceptedBefore !== undefined) add('accepted_at < ?', filter.acceptedBefore);
  return { sql: parts.join(' '), values };
}

const codeOf = (outcome: OutcomeKind): number => outcomeCodes[outcome];

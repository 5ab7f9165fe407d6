/**
 * Owns the queries about what the passing of time does to runs. Each relies on a partial index that
 * is sorted by the time in question.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { WallMs } from '../../core/time.ts';
import { outcomeCodes, type RunTuple, runColumns, runOf, stageCodes } from '../run-tuple.ts';
import type { RunTable } from '../verbs/tables.ts';
import { query } from './statement.ts';

type Time = readonly [number];

const comesDue = `FROM runs INDEXED BY runs_due
  WHERE due_at IS NOT NULL AND (stage = ${stageCodes.time} OR stage = ${stageCodes.parked})`;

const hasDeadline = `FROM runs INDEXED BY runs_deadline
  WHERE deadline_at IS NOT NULL AND stage <> ${stageCodes.running} AND stage <> ${stageCodes.done}`;

/** Opens every query about times. */
export function openRunTimes(
  db: DatabaseSync,
): Pick<
  RunTable,
  'due' | 'nextDueAt' | 'pastDeadline' | 'nextDeadlineAt' | 'nextOverdueAt' | 'overdue' | 'finished'
> {
  const due = query<RunTuple>(
    db,
    `SELECT ${runColumns} ${comesDue} AND due_at <= ? ORDER BY due_at, seq LIMIT ?`,
  );
  const nextDue = query<Time>(db, `SELECT due_at ${comesDue} ORDER BY due_at LIMIT 1`);
  const pastDeadline = query<RunTuple>(
    db,
    `SELECT ${runColumns} ${hasDeadline} AND deadline_at <= ? ORDER BY deadline_at, seq LIMIT ?`,
  );
  const nextDeadline = query<Time>(
    db,
    `SELECT deadline_at ${hasDeadline} ORDER BY deadline_at LIMIT 1`,
  );
  const overdue = query<RunTuple>(
    db,
    `SELECT ${runColumns} FROM runs INDEXED BY runs_overdue
     WHERE overdue_at IS NOT NULL AND overdue_at <= ?
     ORDER BY overdue_at, seq LIMIT ?`,
  );
  const nextOverdue = query<Time>(
    db,
    `SELECT overdue_at FROM runs INDEXED BY runs_overdue
     WHERE overdue_at IS NOT NULL ORDER BY overdue_at LIMIT 1`,
  );
  const finished = query<readonly [number]>(
    db,
    `SELECT seq FROM runs INDEXED BY runs_finished
     WHERE outcome = ? AND finished_at < ? ORDER BY finished_at, seq LIMIT ?`,
  );
  return {
    due: (now, rowsMax) => due.all(now, rowsMax).map(runOf),
    nextDueAt: () => (nextDue.one()?.[0] ?? null) as WallMs | null,
    pastDeadline: (now, rowsMax) => pastDeadline.all(now, rowsMax).map(runOf),
    nextDeadlineAt: () => (nextDeadline.one()?.[0] ?? null) as WallMs | null,
    nextOverdueAt: () => nextOverdue.one()?.[0] ?? null,
    overdue: (judge, rowsMax) => overdue.all(judge, rowsMax).map(runOf),
    finished: (outcome, before, rowsMax) =>
      finished.all(outcomeCodes[outcome], before, rowsMax).map(([seq]) => seq),
  };
}

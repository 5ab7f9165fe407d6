/**
 * Owns what is kept beside a run while it lives: closed attempts, progress, declared state, and log
 * lines.
 *
 * E1 Log lines are numbered from 1 without gaps and never taken away singly, so that the greatest
 *    number is their count.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { AttemptEnd } from '../../core/execution/event.ts';
import type { ErrorDetail } from '../../core/outcome.ts';
import type { WallMs } from '../../core/time.ts';
import type { AttemptRow, LogLine } from '../../ports/store-runs.ts';
import type { StateRow } from '../../ports/store-signals.ts';
import type { AttemptTable, NoteTable } from '../verbs/tables.ts';
import { query } from './statement.ts';

type AttemptTuple = readonly [
  attempt: number,
  node: string | null,
  startedAt: number,
  endedAt: number,
  end: AttemptEnd,
  error: string | null,
];

/** Opens the table of closed attempts. All by its primary key (seq, attempt). */
export function openAttempts(db: DatabaseSync): AttemptTable {
  const add = query(
    db,
    `INSERT INTO attempts (seq, attempt, node, started_at, ended_at, end, error)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const of = query<AttemptTuple>(
    db,
    `SELECT attempt, node, started_at, ended_at, end, error FROM attempts
     WHERE seq = ? ORDER BY attempt`,
  );
  const trim = query(
    db,
    `DELETE FROM attempts WHERE seq = ?1 AND attempt NOT IN (
       SELECT attempt FROM attempts WHERE seq = ?1 ORDER BY attempt DESC LIMIT ?2)`,
  );
  return {
    add(seq, { attempt, node, startedAt, endedAt, end, error }) {
      const text = error === null ? null : JSON.stringify(error);
      add.run(seq, attempt, node, startedAt, endedAt, end, text);
    },
    of: (seq) => of.all(seq).map(attemptOf),
    trim(seq, keep) {
      trim.run(seq, keep);
    },
  };
}

const attemptOf = ([attempt, node, startedAt, endedAt, end, error]: AttemptTuple): AttemptRow => ({
  attempt,
  node,
  startedAt: startedAt as WallMs,
  endedAt: endedAt as WallMs,
  end,
  error: error === null ? null : (JSON.parse(error) as ErrorDetail),
});

type LineTuple = readonly [
  n: number,
  attempt: number,
  at: number,
  level: LogLine['level'],
  message: string,
  fields: string | null,
];

type StateTuple = readonly [name: string, value: string, attempt: number, at: number];

/** By its primary key. */
function openState(db: DatabaseSync): Pick<NoteTable, 'state' | 'putState'> {
  const state = query<StateTuple>(
    db,
    'SELECT name, value, attempt, at FROM run_state WHERE seq = ? ORDER BY name',
  );
  const put = query(
    db,
    'INSERT OR REPLACE INTO run_state (seq, name, value, attempt, at) VALUES (?, ?, ?, ?, ?)',
  );
  return {
    state: (seq) =>
      state
        .all(seq)
        .map(
          ([name, value, attempt, at]): StateRow => ({ name, value, attempt, at: at as WallMs }),
        ),
    putState(seq, { name, value, attempt, at }) {
      put.run(seq, name, value, attempt, at);
    },
  };
}

/** Opens progress, declared state and log lines. All by their primary keys. */
export function openNotes(db: DatabaseSync): NoteTable {
  const progress = query<readonly [string]>(db, 'SELECT progress FROM progress WHERE seq = ?');
  const putProgress = query(db, 'INSERT OR REPLACE INTO progress (seq, progress) VALUES (?, ?)');
  const lastLine = query<readonly [number | null]>(
    db,
    'SELECT max(n) FROM log_lines WHERE seq = ?',
  );
  const addLine = query(
    db,
    `INSERT INTO log_lines (seq, n, attempt, at, level, message, fields)
     VALUES (
       ?1, 1 + coalesce((SELECT max(n) FROM log_lines WHERE seq = ?1), 0), ?2, ?3, ?4, ?5, ?6)`,
  );
  const lines = query<LineTuple>(
    db,
    `SELECT n, attempt, at, level, message, fields FROM log_lines
     WHERE seq = ?1 AND n > ?2 AND (?4 IS NULL OR attempt = ?4)
       AND (?5 IS NULL OR level IN (SELECT value FROM json_each(?5)))
     ORDER BY n LIMIT ?3`,
  );
  const dropped = query<readonly [number]>(db, 'SELECT dropped FROM log_drops WHERE seq = ?');
  const addDropped = query(
    db,
    `INSERT INTO log_drops (seq, dropped) VALUES (?, ?)
     ON CONFLICT (seq) DO UPDATE SET dropped = dropped + excluded.dropped`,
  );
  return {
    ...openState(db),
    progress: (seq) => progress.one(seq)?.[0] ?? null,
    putProgress(seq, text) {
      putProgress.run(seq, text);
    },
    logSize: (seq) => ({
      kept: lastLine.one(seq)?.[0] ?? 0,
      dropped: dropped.one(seq)?.[0] ?? 0,
    }),
    addLine(seq, attempt, { at, level, message, fields }) {
      addLine.run(seq, attempt, at, level, message, fields);
    },
    addDropped(seq, count) {
      addDropped.run(seq, count);
    },
    lines(seq, after, linesMax, wanted) {
      const levels = wanted.levels === null ? null : JSON.stringify(wanted.levels);
      const found = lines.all(seq, after, linesMax, wanted.attempt, levels);
      return found.map(([n, attempt, at, level, message, fields]) => ({
        ...{ n, attempt, at: at as WallMs, level, message, fields },
      }));
    },
  };
}

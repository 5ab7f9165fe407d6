/**
 * Owns the rows of `runs`, with their inputs and results: how they are kept, found by name, and
 * changed.
 *
 * R1 Every change of a row goes through `insert`, `update` or `remove`, which keep the tally.
 * R2 An update that finds no row is a defect: the verbs loaded it in the same transaction.
 */
import type { DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '../../core/errors.ts';
import { outcomeOf, type RunTuple, runColumns, runOf, stageOf, tupleOf } from '../run-tuple.ts';
import type { RunRow, RunTable } from '../verbs/tables.ts';
import { changesOf, stateColumns } from './run-change.ts';
import { openRunPages } from './run-pages.ts';
import { openRunQueues } from './run-queues.ts';
import { openRunTimes } from './run-times.ts';
import { type Query, query, type Sql } from './statement.ts';
import type { TallyRow } from './tally.ts';

/**
 * Statements for distinct sets of changed columns that are kept prepared; a life needs about
 * twenty.
 */
const updatesMax = 256;

/** Opens the table. */
export function openRuns(db: DatabaseSync, tally: TallyRow): RunTable {
  return {
    ...openRows(db, tally),
    ...openPayloads(db),
    ...openRunQueues(db),
    ...openRunTimes(db),
    ...openRunPages(db, tally),
    nextSeq: () => tally.look().nextSeq,
    live() {
      const { stages } = tally.look();
      const queued = stages.time + stages.lane + stages.tenant + stages.slot;
      return queued + stages.running + stages.parked + stages.quarantined;
    },
    countBy() {
      const { stages, outcomes } = tally.look();
      return { stages: { ...stages }, outcomes: { ...outcomes } };
    },
  };
}

function openRows(
  db: DatabaseSync,
  tally: TallyRow,
): Pick<RunTable, 'insert' | 'bySeq' | 'byId' | 'update' | 'remove' | 'scan'> {
  const marks = runColumns.replace(/\w+/g, '?');
  const insertRun = query(db, `INSERT INTO runs (${runColumns}) VALUES (${marks})`);
  const insertInput = query(db, 'INSERT INTO inputs (seq, input) VALUES (?, ?)');
  /** By rowid. */
  const bySeq = query<RunTuple>(db, `SELECT ${runColumns} FROM runs WHERE seq = ?`);
  /** By `runs_id`. */
  const byId = query<RunTuple>(db, `SELECT ${runColumns} FROM runs WHERE id = ?`);
  /** By rowid, upwards. */
  const scan = query<RunTuple>(
    db,
    `SELECT ${runColumns} FROM runs WHERE seq > ? ORDER BY seq LIMIT ?`,
  );
  const updates = openUpdates(db);
  return {
    insert(row, input) {
      const now = tally.change();
      const seq = now.nextSeq;
      now.nextSeq += 1;
      now.stages[row.stage] += 1;
      if (row.outcome !== null) now.outcomes[row.outcome] += 1;
      insertRun.run(...tupleOf(seq, row));
      insertInput.run(seq, input);
      return seq;
    },
    bySeq: (seq) => found(bySeq.one(seq)),
    byId: (id) => found(byId.one(id)),
    scan: (afterSeq, rowsMax) => scan.all(afterSeq, rowsMax).map(runOf),
    update(before, after) {
      if (before.stage !== after.stage || before.outcome !== after.outcome) {
        const now = tally.change();
        now.stages[before.stage] -= 1;
        now.stages[after.stage] += 1;
        if (before.outcome !== null) now.outcomes[before.outcome] -= 1;
        if (after.outcome !== null) now.outcomes[after.outcome] += 1;
      }
      updates(before, after);
    },
    remove: openRemove(db, tally),
  };
}

const found = (tuple: RunTuple | undefined): RunRow | undefined =>
  tuple === undefined ? undefined : runOf(tuple);

/** One prepared statement for each set of columns that change together (W2). */
function openUpdates(db: DatabaseSync): (before: RunRow, after: RunRow) => void {
  const byMask = new Map<number, Query<readonly []>>();
  return (before, after) => {
    const values: Sql[] = [];
    const mask = changesOf(before, after, values);
    if (mask === 0) return;
    let update = byMask.get(mask);
    if (update === undefined) {
      if (byMask.size >= updatesMax) byMask.clear();
      const columns = stateColumns.filter((_, bit) => (mask & (1 << bit)) !== 0);
      const assignments = columns.map((column) => `${column} = ?`).join(', ');
      update = query(db, `UPDATE runs SET ${assignments} WHERE seq = ?`);
      byMask.set(mask, update);
    }
    if (update.run(...values, before.seq) === 1) return;
    throw new HoldfastError(
      'internal.defect',
      `run number ${before.seq} vanished in a transaction`,
    );
  };
}

/** Takes a run away with everything that is kept of it: each by its primary key. */
function openRemove(db: DatabaseSync, tally: TallyRow): (seq: number) => void {
  const removeRun = query<readonly [stage: number, outcome: number | null]>(
    db,
    'DELETE FROM runs WHERE seq = ? RETURNING stage, outcome',
  );
  const tables = [
    ...['inputs', 'results', 'attempts', 'progress', 'log_lines', 'log_drops'],
    ...['parts', 'part_sums', 'signals', 'run_state', 'dead', 'kin', 'closings'],
  ];
  const removeSteps = query(db, 'DELETE FROM steps INDEXED BY steps_ord WHERE seq = ?');
  const others = tables.map((table) => query(db, `DELETE FROM ${table} WHERE seq = ?`));
  return (seq) => {
    const removed = removeRun.one(seq);
    if (removed === undefined) return;
    const now = tally.change();
    now.stages[stageOf(removed[0])] -= 1;
    if (removed[1] !== null) now.outcomes[outcomeOf(removed[1])] -= 1;
    for (const remove of others) remove.run(seq);
    removeSteps.run(seq);
  };
}

function openPayloads(
  db: DatabaseSync,
): Pick<RunTable, 'input' | 'putInput' | 'result' | 'putResult'> {
  /** Each by rowid. */
  const input = query<readonly [string]>(db, 'SELECT input FROM inputs WHERE seq = ?');
  const result = query<readonly [string]>(db, 'SELECT result FROM results WHERE seq = ?');
  const putInput = query(db, 'UPDATE inputs SET input = ? WHERE seq = ?');
  const putResult = query(db, 'INSERT OR REPLACE INTO results (seq, result) VALUES (?, ?)');
  return {
    input(seq) {
      const row = input.one(seq);
      if (row !== undefined) return row[0];
      throw new HoldfastError('store.corrupt', `run number ${seq} has lost its input`);
    },
    putInput(seq, text) {
      putInput.run(text, seq);
    },
    result: (seq) => result.one(seq)?.[0] ?? null,
    putResult(seq, text) {
      putResult.run(seq, text);
    },
  };
}

/**
 * Owns how a file gives up what it holds: it is closed to everybody, read, and left behind.
 *
 * E1 Closing is one transaction, which finds nobody at work in it: from then on every process is
 *    refused, also one that has the file open, and what is read is all that there will ever be.
 * E2 Whoever closed it may take that back, until the move is complete.
 */
import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '../../core/errors.ts';
import type { WallMs } from '../../core/time.ts';
import {
  type MoveCounts,
  type MovedAttempt,
  type MovedLine,
  type MovedRun,
  type MovedSettings,
  movedVersion,
} from '../moving.ts';
import { type RunTuple, runColumns } from '../run-tuple.ts';
import { faultOf } from './faults.ts';
import { openKeys } from './keys.ts';
import { type LeavingFlows, openLeavingFlows } from './leaving-flows.ts';
import { openLeavingKin } from './leaving-kin.ts';
import { openLeavingSignals } from './leaving-signals.ts';
import { type LeavingSteps, openLeavingSteps } from './leaving-steps.ts';
import { type Move, moveOf, natureOf, refuseForeign, schemaVersion } from './migrations.ts';
import { query, type Sql, scalar } from './statement.ts';
import { realPath } from './store-path.ts';

/** A closed file. */
export interface Leaving {
  readonly path: string;
  readonly move: Move;
  settings(): MovedSettings;
  counts(): MoveCounts;
  /** Runs behind a seq, in order: at most so many, and not many more characters. */
  page(after: number, runsMax: number, charsMax: number): readonly MovedRun[];
  /** The same for steps, events and blocks of parts, which come after all runs. */
  steps: LeavingSteps['steps'];
  events: LeavingSteps['events'];
  parts: LeavingSteps['parts'];
  /** What flow control keeps, by key. */
  flows: LeavingFlows['flows'];
  /** E2: from now on there is no way back. */
  left(now: WallMs): void;
  /** E2: opens the file to everybody again. */
  takeBack(): void;
  close(): void;
}

const patienceMs = 5_000;

/** The move that a file is in, or null. */
export function moveUnderWay(path: string): Move | null {
  return withFile(path, true, (db) => moveOf(db));
}

/** Closes a file to everybody. */
export function closeForMove(path: string, move: Pick<Move, 'id' | 'to' | 'key'>): void {
  withFile(path, false, (db) => {
    db.exec('BEGIN IMMEDIATE');
    refuseForeign(natureOf(db), path);
    refuseBusy(db, path);
    putMove(db, { ...move, version: schemaVersion, leftAt: null });
    db.exec(`UPDATE tally SET schema = ${movedVersion}`);
    db.exec(`PRAGMA user_version = ${movedVersion}`);
    db.exec('COMMIT');
  });
}

/** Opens a file that was closed for a move. */
export function openLeaving(path: string): Leaving {
  const file = realPath(path);
  const db = new DatabaseSync(file, { timeout: patienceMs });
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw faultOf(error, file);
    }
  };
  const reading = guarded(() => openReading(db));
  const move = guarded(() => moveOf(db));
  if (move === null) throw new HoldfastError('internal.defect', 'the store is not being moved');
  return {
    path: file,
    move,
    settings: () => guarded(reading.settings),
    counts: () => guarded(reading.counts),
    page: (after, runsMax, charsMax) => guarded(() => reading.page(after, runsMax, charsMax)),
    steps: (...ask) => guarded(() => reading.steps(...ask)),
    events: (...ask) => guarded(() => reading.events(...ask)),
    parts: (...ask) => guarded(() => reading.parts(...ask)),
    flows: (...ask) => guarded(() => reading.flows(...ask)),
    left: (now) => guarded(() => putMove(db, { ...move, leftAt: now })),
    takeBack: () =>
      guarded(() => {
        db.exec('BEGIN IMMEDIATE');
        query(db, 'DELETE FROM meta WHERE key = ?').run('move');
        db.exec(`UPDATE tally SET schema = ${move.version}`);
        db.exec(`PRAGMA user_version = ${move.version}`);
        db.exec('COMMIT');
      }),
    close: () => db.close(),
  };
}

function withFile<T>(path: string, readOnly: boolean, work: (db: DatabaseSync) => T): T {
  const file = realPath(path);
  if (statSync(file, { throwIfNoEntry: false }) === undefined) {
    throw new HoldfastError('store.bad_path', `there is no store at '${path}'`, {
      details: { path, todo: 'check the path' },
    });
  }
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { timeout: patienceMs, readOnly });
    return work(db);
  } catch (error) {
    throw faultOf(error, file);
  } finally {
    db?.close();
  }
}

const putMove = (db: DatabaseSync, move: Move): void => {
  query(db, 'INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)').run(
    'move',
    JSON.stringify(move),
  );
};

/** E1 */
function refuseBusy(db: DatabaseSync, path: string): void {
  const owned = Number(scalar(db, 'SELECT count(*) FROM runs WHERE owner IS NOT NULL'));
  const live = query<readonly [string]>(
    db,
    "SELECT name FROM nodes WHERE state = 'live' OR state = 'draining'",
  ).all();
  if (owned === 0 && live.length === 0) return;
  const names = live.map(([name]) => `'${name}'`).join(', ');
  const who = live.length === 0 ? `somebody executes ${owned} of its runs` : `${names} is at work`;
  throw new HoldfastError('store.busy', `store ${path}: ${who}, so it cannot be moved now`, {
    details: { path, todo: 'stop its nodes (SIGTERM drains them), then move it' },
  });
}

/** A file that an earlier version closed for its move lacks columns, and has nothing in them. */
function columnsThere(db: DatabaseSync): string {
  const names = query<readonly [string]>(db, "SELECT name FROM pragma_table_info('runs')").all();
  const there = new Set(names.map(([name]) => name));
  const columns = runColumns.split(', ').map((name) => (there.has(name) ? name : 'NULL'));
  return columns.join(', ');
}

/** Statements over everything that moves. */
function openReading(db: DatabaseSync) {
  const runs = query<RunTuple>(
    db,
    `SELECT ${columnsThere(db)} FROM runs WHERE seq > ? ORDER BY seq LIMIT ?`,
  );
  const one = (table: string, column: string) => {
    const read = query<readonly [string | number]>(
      db,
      `SELECT ${column} FROM ${table} WHERE seq = ?`,
    );
    return (seq: number) => read.one(seq)?.[0] ?? null;
  };
  const input = one('inputs', 'input');
  const result = one('results', 'result');
  const progress = one('progress', 'progress');
  const dropped = one('log_drops', 'dropped');
  const attempts = query<MovedAttempt>(
    db,
    `SELECT attempt, node, started_at, ended_at, end, error FROM attempts
     WHERE seq = ? ORDER BY attempt`,
  );
  const lines = query<MovedLine>(
    db,
    'SELECT n, attempt, at, level, message, fields FROM log_lines WHERE seq = ? ORDER BY n',
  );
  const beside = openLeavingSteps(db);
  const told = openLeavingSignals(db);
  const flow = openLeavingFlows(db);
  const families = openLeavingKin(db);
  const movedOf = (run: RunTuple): MovedRun => {
    const [seq] = run;
    return {
      run,
      input: String(input(seq) ?? 'null'),
      result: result(seq) as string | null,
      progress: progress(seq) as string | null,
      attempts: attempts.all(seq),
      lines: lines.all(seq),
      dropped: Number(dropped(seq) ?? 0),
      parts: beside.sums(seq),
      ...told.of(seq),
      dead: flow.dead(seq),
      ...families.of(seq),
    };
  };
  return {
    settings: () => ({ ...settingsOf(db), events: beside.tally() }),
    counts: () => ({
      ...countsOf(db),
      ...beside.counts(),
      ...told.counts(),
      ...flow.counts(),
      families: families.count(),
    }),
    steps: beside.steps,
    events: beside.events,
    parts: beside.parts,
    flows: flow.flows,
    page(after: number, runsMax: number, charsMax: number): readonly MovedRun[] {
      const page: MovedRun[] = [];
      let chars = 0;
      for (const run of runs.all(after, runsMax)) {
        const moved = movedOf(run);
        page.push(moved);
        chars += charsOf(moved);
        if (chars >= charsMax) break;
      }
      return page;
    },
  };
}

function charsOf({ input, result, lines, signals, state }: MovedRun): number {
  let chars = input.length + (result?.length ?? 0);
  for (const line of lines) chars += line[4].length + (line[5]?.length ?? 0);
  for (const one of signals) chars += one[3].length;
  for (const one of state) chars += one[1].length;
  return chars;
}

function settingsOf(db: DatabaseSync): Omit<MovedSettings, 'events'> {
  const all = <Row extends readonly Sql[]>(sql: string) => query<Row>(db, sql).all();
  const [tally] = all<readonly [number, ...(number | null)[]]>(
    `SELECT next_seq, share_turn, share_turns_per_second, share_measured_at, share_measured_turn
     FROM tally WHERE one = 1`,
  );
  if (tally === undefined) {
    throw new HoldfastError('store.corrupt', 'the store has lost its row of counts');
  }
  const [nextSeq, turn = null, turnsPerSecond = null, measuredAt = null, measuredTurn = null] =
    tally;
  const known =
    turn !== null && turnsPerSecond !== null && measuredAt !== null && measuredTurn !== null;
  return {
    nextSeq,
    clock: known ? { turn, turnsPerSecond, measuredAt, measuredTurn } : null,
    policies: all<readonly [number, string]>(
      'SELECT policy, content FROM policies ORDER BY policy',
    ).map(([policy, content]) => ({ policy, content })),
    tenants: all<readonly [string, number, number | null, number | null, number]>(
      'SELECT tenant, weight, running_max, waiting_max, turn FROM tenants ORDER BY tenant',
    ).map(([tenant, weight, runningMax, waitingMax, at]) => ({
      ...{ tenant, weight, runningMax, waitingMax },
      turn: at,
    })),
    pauses: all<readonly [string, string, string, number]>(
      'SELECT kind, key, reason, since FROM pauses ORDER BY kind, key',
    ).map(([kind, key, reason, since]) => ({ kind, key, reason, since })),
    keys: holdsKeys(db) ? openKeys(db).all() : [],
  };
}

/** A file that an earlier version closed for its move has no table of keys. */
const holdsKeys = (db: DatabaseSync): boolean =>
  scalar(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'access_keys'") === 1;

/** The same names as the other side gives. */
function countsOf(db: DatabaseSync): MoveCounts {
  const counts: Record<string, number> = {};
  const rows = query<readonly [string, number]>(
    db,
    `SELECT 'stage ' || stage, count(*) FROM runs GROUP BY stage
     UNION ALL SELECT 'outcome ' || outcome, count(*) FROM runs
       WHERE outcome IS NOT NULL GROUP BY outcome
     UNION ALL SELECT 'attempts', count(*) FROM attempts
     UNION ALL SELECT 'progress', count(*) FROM progress
     UNION ALL SELECT 'log lines', count(*) FROM log_lines
     UNION ALL SELECT 'pauses', count(*) FROM pauses`,
  ).all();
  for (const [name, count] of rows) counts[name] = count;
  counts['access keys'] = holdsKeys(db) ? openKeys(db).count() : 0;
  return counts;
}

/**
 * Owns how a connection is opened and set up.
 *
 * C1 Nothing is written before the file is known to be ours (and, while it is small, whole) or
 *    empty. It is looked at through a connection that cannot write: closing a writing one would
 *    copy a leftover log into a damaged file.
 * C2 The journal is a write-ahead log (readers never wait for writers), and `synchronous` is set,
 *    never left to a default: FULL for `full`, NORMAL for `relaxed`.
 * C3 SQLite itself never waits for locks (busy timeout 0) on the writing connection: the turnstile
 *    does.
 */
import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '../../core/errors.ts';
import type { MonoMs } from '../../core/time.ts';
import { monoPlus } from '../../core/time.ts';
import type { Clock } from '../../ports/clock.ts';
import { faultOf, isBusy, isUnopenable } from './faults.ts';
import { migrate, natureOf, refuseForeign } from './migrations.ts';
import { pauseThread } from './pause-thread.ts';
import { scalar } from './statement.ts';
import { checkPath, makeOwnFile } from './store-path.ts';

/**
 * What a resolved promise means: `full` survives a power cut, `relaxed` the crash of the process.
 */
export type Durability = 'full' | 'relaxed';

/** How one store is opened. */
export interface OpenAsk {
  /** Absolute. */
  readonly path: string;
  readonly durability: Durability;
  /** How long to wait for a lock that somebody else holds. */
  readonly busyPatienceMs: number;
}

/** Up to this size the whole file is checked at opening, which takes some milliseconds. */
const quickCheckBytesMax = 4 * 1_048_576;

/**
 * Pages that the log may grow to before they are copied into the file: 16 MiB. Measured, see docs.
 */
const checkpointPages = 4_096;

/** A log that a long reader let grow is cut back to this once it can be. */
const logBytesKept = 64 * 1_048_576;

/** Cache of the writing connection: enough for the hot end of every index of a large store. */
const writerCacheKiB = 32 * 1_024;
const readerCacheKiB = 8 * 1_024;

/** Opens the connection that writes, and brings the schema to the newest version. */
export function openWriter(ask: OpenAsk, clock: Clock, unique: string): DatabaseSync {
  checkPath(ask.path);
  makeOwnFile(ask.path, unique);
  const givesUpAt = monoPlus(clock.mono(), ask.busyPatienceMs);
  const patiently = <T>(work: () => T): T => untilFree(ask, clock, givesUpAt, work);
  patiently(() => opened(ask.path, () => inspect(ask.path)));
  const db = opened(ask.path, () => new DatabaseSync(ask.path, { timeout: 0 }));
  try {
    patiently(() => startLog(db, ask.path));
    db.exec(`PRAGMA synchronous = ${synchronousOf(ask.durability)}`);
    db.exec(`PRAGMA cache_size = -${writerCacheKiB}`);
    db.exec('PRAGMA temp_store = MEMORY');
    db.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
    db.exec(`PRAGMA journal_size_limit = ${logBytesKept}`);
    patiently(() => db.exec('BEGIN IMMEDIATE'));
    migrate(db, ask.path, clock.wall());
    db.exec('COMMIT');
    return db;
  } catch (error) {
    db.close();
    throw openingFault(error, ask.path);
  }
}

/** Opens a connection that only reads a store which the writer has opened already. */
export function openReader(ask: OpenAsk): DatabaseSync {
  const db = opened(
    ask.path,
    () => new DatabaseSync(ask.path, { timeout: ask.busyPatienceMs, readOnly: true }),
  );
  db.exec(`PRAGMA cache_size = -${readerCacheKiB}`);
  db.exec('PRAGMA temp_store = MEMORY');
  return db;
}

/** The level that `PRAGMA synchronous` gets for a durability. */
export const synchronousOf = (durability: Durability): 'FULL' | 'NORMAL' =>
  durability === 'full' ? 'FULL' : 'NORMAL';

function opened<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (isBusy(error)) throw error;
    throw openingFault(error, path);
  }
}

/** Refuses what is there if it is not ours, too new, or damaged (C1). */
function inspect(path: string): void {
  if (!(statSync(path, { throwIfNoEntry: false })?.size ?? 0)) return;
  const db = new DatabaseSync(path, { timeout: 0, readOnly: true });
  try {
    // One snapshot: between two looks another process may make the empty file a store.
    db.exec('BEGIN');
    refuseForeign(natureOf(db), path);
    quickCheck(db, path);
  } finally {
    db.close();
  }
}

/** While opening, a file that cannot be opened or written is a matter of the path. */
function openingFault(error: unknown, path: string): HoldfastError {
  if (!isUnopenable(error)) return faultOf(error, path);
  const message = `store ${path}: the file cannot be opened for writing here`;
  return new HoldfastError('store.bad_path', message, { details: { path }, cause: error });
}

/** The first switch to the log needs the file alone; afterwards it is a property of the file. */
function startLog(db: DatabaseSync, path: string): void {
  const mode = scalar(db, 'PRAGMA journal_mode = WAL');
  if (mode === 'wal') return;
  const message = `store ${path}: this file system has no shared memory for a write-ahead log`;
  throw new HoldfastError('store.bad_path', `${message}; choose a local disk`, {
    details: { path, journalMode: mode },
  });
}

/** Tries again for as long as the patience lasts while somebody else holds a lock. */
function untilFree<T>(ask: OpenAsk, clock: Clock, givesUpAt: MonoMs, work: () => T): T {
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (clock.mono() >= givesUpAt) {
        const message = `store ${ask.path}: another process held it for ${ask.busyPatienceMs} ms`;
        const details = { path: ask.path, patienceMs: ask.busyPatienceMs };
        throw new HoldfastError('store.busy', message, { details, cause: error });
      }
      pauseThread(2);
    }
  }
}

/**
 * Finds damage of a small file at once; a large one is checked by `examine`, and where it is read.
 */
function quickCheck(db: DatabaseSync, path: string): void {
  const bytes = Number(scalar(db, 'PRAGMA page_count')) * Number(scalar(db, 'PRAGMA page_size'));
  if (bytes > quickCheckBytesMax) return;
  const said = scalar(db, 'PRAGMA quick_check(1)');
  if (said === 'ok') return;
  const message = `store ${path}: the file is damaged and was left as it is (${said})`;
  throw new HoldfastError('store.corrupt', message, { details: { path } });
}

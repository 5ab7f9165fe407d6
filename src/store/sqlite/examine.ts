/**
 * Owns what can be said about the file of a store: its settings, its health, who holds it, its
 * disk.
 *
 * X1 The check of the whole file is bounded: up to `integrityBytesMax` everything is checked, above
 *    that only what the other checks read, and the finding says so.
 */
import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { StoreFinding } from '../../ports/store-reads.ts';
import { type Durability, synchronousOf } from './connection.ts';
import { lockHolder } from './lock-holder.ts';
import { schemaVersion } from './migrations.ts';
import { scalar } from './statement.ts';
import { filesOf } from './store-path.ts';

/** About a second of checking. */
const integrityBytesMax = 256 * 1_048_576;
/** A log that grew past this cannot be copied back: some reader has been looking for very long. */
const logBytesWarn = 256 * 1_048_576;
const freeBytesWarn = 1_024 * 1_048_576;
const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;

type Level = StoreFinding['level'];

const finding = (check: string, level: Level, message: string): StoreFinding => ({
  check,
  level,
  message,
});

/** Examines the file that `db` has open. */
export function examineFile(
  db: DatabaseSync,
  { path, durability }: { readonly path: string; readonly durability: Durability },
): readonly StoreFinding[] {
  return [
    schema(db),
    journal(db, durability),
    integrity(db),
    holder(path),
    log(path),
    space(path),
    permissions(path),
  ];
}

function schema(db: DatabaseSync): StoreFinding {
  const version = scalar(db, 'PRAGMA user_version');
  const level = version === schemaVersion ? 'ok' : 'bad';
  return finding('schema', level, `version ${version}; this holdfast writes ${schemaVersion}`);
}

function journal(db: DatabaseSync, durability: Durability): StoreFinding {
  const mode = scalar(db, 'PRAGMA journal_mode');
  const level = mode === 'wal' ? 'ok' : 'bad';
  const meaning =
    durability === 'full'
      ? 'what is acknowledged survives a power cut'
      : 'what is acknowledged survives a crash of the process, not one of the machine';
  const settings = `journal ${mode}, synchronous ${synchronousOf(durability)}`;
  return finding('durability', level, `${durability} (${settings}): ${meaning}`);
}

function integrity(db: DatabaseSync): StoreFinding {
  const bytes = Number(scalar(db, 'PRAGMA page_count')) * Number(scalar(db, 'PRAGMA page_size'));
  if (bytes > integrityBytesMax) {
    const message = `${mib(bytes)} are too much for a quick check; not checked`;
    return finding('integrity', 'ok', `${message} (sqlite3 <file> 'PRAGMA integrity_check')`);
  }
  const said = scalar(db, 'PRAGMA quick_check(1)');
  if (said === 'ok') return finding('integrity', 'ok', `${mib(bytes)}, every page is sound`);
  return finding('integrity', 'bad', `the file is damaged: ${said}; restore it from a backup`);
}

function holder(path: string): StoreFinding {
  const found = lockHolder(path);
  if (found === undefined) return finding('lock', 'ok', 'this system does not say who writes');
  if (found === null) return finding('lock', 'ok', 'nobody is writing right now');
  const who = found.pid === process.pid ? 'this process' : `process ${found.pid}`;
  if (!found.stopped) return finding('lock', 'ok', `${who} is writing right now`);
  return finding(
    'lock',
    'bad',
    `${who} is frozen in the middle of a write and everybody waits for it; let it go on ` +
      `(kill -CONT ${found.pid}) or end it (kill -KILL ${found.pid}): nothing is lost by that`,
  );
}

function log(path: string): StoreFinding {
  const bytes = statSync(filesOf(path).log, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes <= logBytesWarn) return finding('log', 'ok', `${mib(bytes)} of write-ahead log`);
  return finding(
    'log',
    'warn',
    `${mib(bytes)} of write-ahead log: a reader keeps it from being copied into the file; ` +
      'look for a program that has the file open in a long transaction',
  );
}

function space(path: string): StoreFinding {
  const { bavail, bsize } = statfsSync(dirname(path));
  const bytes = bavail * bsize;
  const message = `${mib(bytes)} free on the disk`;
  if (bytes >= freeBytesWarn) return finding('disk', 'ok', message);
  return finding('disk', 'warn', `${message}; when it is full nothing is accepted (store.full)`);
}

function permissions(path: string): StoreFinding {
  const { mode } = statSync(path);
  const others = mode & 0o066;
  const shown = (mode & 0o777).toString(8).padStart(3, '0');
  if (others === 0 || process.platform === 'win32') {
    return finding('permissions', 'ok', `${shown}: for its owner only`);
  }
  return finding(
    'permissions',
    'warn',
    `${shown}: other users can read or write inputs and results; chmod 600 ${path}`,
  );
}

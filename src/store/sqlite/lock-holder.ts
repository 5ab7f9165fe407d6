/**
 * Owns the answer to "who holds the store?": the process that has the lock for writing, from
 * /proc/locks.
 *
 * Linux only. The lock for writing is one byte of the log's index file (`-shm`), at a place that is
 * part of SQLite's file format: https://sqlite.org/walformat.html#wal_locks
 */
import { readFileSync, statSync } from 'node:fs';
import { sight } from '../../system/process-linux.ts';
import { filesOf } from './store-path.ts';

/** Offset of WAL_WRITE_LOCK. */
const writeLockByte = 120;

/** A process that holds the lock. */
export interface Holder {
  readonly pid: number;
  /** Frozen (SIGSTOP, a debugger): it will hold the lock until it goes on or is killed. */
  readonly stopped: boolean;
}

/** Who holds the lock for writing right now; `null` nobody, `undefined` the system does not say. */
export function lockHolder(path: string): Holder | null | undefined {
  let locks: string;
  try {
    locks = readFileSync('/proc/locks', 'utf8');
  } catch {
    return undefined;
  }
  const inode = statSync(filesOf(path).logIndex, { throwIfNoEntry: false })?.ino;
  const pid = inode === undefined ? null : findHolder(locks, inode);
  if (pid === null) return null;
  const sighting = sight(pid);
  return { pid, stopped: sighting.seen === 'process' && sighting.state === 'stopped' };
}

/**
 * Reads lines such as `1: POSIX  ADVISORY  WRITE 4711 fd:01:1234567 120 120`. Lines with `->` are
 * of processes that wait.
 */
export function findHolder(locks: string, inode: number): number | null {
  for (const line of locks.split('\n')) {
    const [, kind, , mode, pid, file, from, to] = line.trim().split(/\s+/);
    if (kind !== 'POSIX' || mode !== 'WRITE') continue;
    if (file?.split(':')[2] !== String(inode)) continue;
    const end = to === 'EOF' ? Number.POSITIVE_INFINITY : Number(to);
    if (Number(from) <= writeLockByte && writeLockByte <= end) return Number(pid);
  }
  return null;
}

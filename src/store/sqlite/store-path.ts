/**
 * Owns the files of a store, and the checks of its path that give a clear answer before SQLite is
 * asked.
 *
 * S1 The store's own file is never opened by anything but SQLite: closing any descriptor of it
 *    would drop the locks that SQLite holds on it for this whole process (POSIX).
 * S2 A new store is readable by its owner only: inputs and results may be secrets.
 */
import {
  accessSync,
  constants,
  linkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { HoldfastError } from '../../core/errors.ts';

/** The files of one store. SQLite makes the log and its index, and takes them away at the end. */
export const filesOf = (path: string) => ({
  main: path,
  log: `${path}-wal`,
  logIndex: `${path}-shm`,
  /** Made at the first contention between processes; see turnstile.ts. */
  turn: `${path}-turn`,
});

/**
 * The one name of a store, whatever links lead to it: SQLite names the log after the file that it
 * finds, and all processes must agree on the turn.
 */
export function realPath(path: string): string {
  const full = resolve(path);
  for (const [known, rest] of [
    [full, ''],
    [dirname(full), basename(full)],
  ] as const) {
    try {
      return join(realpathSync(known), rest);
    } catch {
      // It does not exist yet, or cannot be looked at: `checkPath` says what is wrong.
    }
  }
  return full;
}

const bad = (path: string, why: string, cause?: unknown): HoldfastError =>
  new HoldfastError('store.bad_path', `store ${path}: ${why}`, { details: { path }, cause });

/** Refuses a path that can hold no store: `store.bad_path`. */
export function checkPath(path: string): void {
  if (path.includes('\0')) throw bad(path, 'the path holds a zero byte');
  const folder = dirname(path);
  const parent = look(folder);
  if (parent === undefined) throw bad(path, `the folder ${folder} does not exist; make it first`);
  if (!parent.isDirectory()) throw bad(path, `${folder} is not a folder`);
  const file = look(path);
  if (file?.isDirectory()) throw bad(path, 'the path is a folder; name a file in it');
  if (file !== undefined && !file.isFile()) throw bad(path, 'the path is not a regular file');
  writable(folder, path, `the folder ${folder} cannot be written`);
  if (file !== undefined) writable(path, path, 'the file cannot be written');
}

function look(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return undefined;
    throw bad(path, 'the path cannot be looked at', error);
  }
}

function writable(target: string, path: string, why: string): void {
  try {
    accessSync(target, constants.W_OK | constants.R_OK);
  } catch (error) {
    throw bad(path, `${why} by this user`, error);
  }
}

/**
 * Makes an empty file for a new store, if there is none (S2). It appears complete and closed under
 * its name (S1). Where hard links do not exist, SQLite makes it, with the usual permissions.
 */
export function makeOwnFile(path: string, unique: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  const aside = `${path}-new-${unique}`;
  try {
    writeFileSync(aside, '', { mode: 0o600, flag: 'wx' });
    linkSync(aside, path);
  } catch {
    // Somebody else was faster, or there are no hard links here: SQLite finds out what is wrong.
  } finally {
    rmSync(aside, { force: true });
  }
}

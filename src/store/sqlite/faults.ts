/**
 * Owns what errors of SQLite mean to a user, and how an error crosses from a thread to another.
 *
 * F1 Causes are kept (as text) and never part of the message.
 * F2 An error that is neither SQLite's nor ours is a defect: its message says so, its stack is the
 *    cause.
 */
import { type ErrorCode, HoldfastError } from '../../core/errors.ts';

/** Primary result codes of SQLite that mean something to us. https://sqlite.org/rescode.html */
const results = {
  busy: 5,
  locked: 6,
  readonly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
} as const;

/** The primary result code of an error of SQLite, or null. */
function resultOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error)) return null;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : null;
}

/** Whether SQLite said that somebody else holds a lock. */
export function isBusy(error: unknown): boolean {
  const result = resultOf(error);
  return result === results.busy || result === results.locked;
}

/** Whether SQLite said that the file, or the path to it, cannot be opened or written. */
export function isUnopenable(error: unknown): boolean {
  const result = resultOf(error);
  return result === results.cannotOpen || result === results.readonly;
}

/**
 * Whether trying the same again in smaller pieces is pointless: the disk or the file is at fault.
 */
export function isLost(error: unknown): boolean {
  const result = resultOf(error);
  return (
    result === results.ioError || result === results.corrupt || result === results.notADatabase
  );
}

const meanings: Readonly<Record<number, readonly [code: ErrorCode, message: string]>> = {
  [results.busy]: [
    'store.busy',
    'another process holds the store; `holdfast doctor` names it if it can',
  ],
  [results.locked]: [
    'store.busy',
    'another process holds the store; `holdfast doctor` names it if it can',
  ],
  [results.corrupt]: [
    'store.corrupt',
    'the file is damaged and was left as it is; restore it from a backup, or move it away',
  ],
  [results.notADatabase]: [
    'store.corrupt',
    'the file is not a SQLite database and was left as it is; choose another path',
  ],
  [results.full]: ['store.full', 'no space is left on the disk; free some and try again'],
};

/** SQL that is wrong or breaks a constraint: only a fault of ours leads to it. */
const defects: readonly number[] = [1, 19, 20, 21, 25];

/** The error that a user gets for whatever happened at `path`. */
export function faultOf(error: unknown, path: string): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const result = resultOf(error);
  if (result === null || defects.includes(result)) {
    const text = error instanceof Error ? error.message : String(error);
    return new HoldfastError('internal.defect', `the store failed: ${text}`, { cause: error });
  }
  const [code, message] = meanings[result] ?? [
    'store.unavailable',
    'the file could not be read or written',
  ];
  const text = error instanceof Error ? error.message : '';
  const details = { path, sqlite: text };
  return new HoldfastError(code, `store ${path}: ${message}`, { details, cause: error });
}

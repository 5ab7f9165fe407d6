/**
 * Owns the watch over the name of the store: a file that was deleted or replaced under an open
 * store would take everything that is written from then on with it, without a word.
 *
 * F1 It is looked at before a transaction, at most once in `everyMs`. What was acknowledged in
 *    between went with the file.
 */
import { statSync } from 'node:fs';
import { HoldfastError } from '../../core/errors.ts';
import type { MonoMs } from '../../core/time.ts';

const everyMs = 1_000;

/** Begins the watch; what it gives throws `store.unavailable` once the file is not the same. */
export function watchFile(path: string, mono: () => MonoMs): () => void {
  const identity = (): string => {
    const found = statSync(path, { throwIfNoEntry: false, bigint: true });
    return found === undefined ? 'none' : `${found.dev}:${found.ino}`;
  };
  const opened = identity();
  let lookedAt = mono();
  return () => {
    const now = mono();
    if (now - lookedAt < everyMs) return;
    if (identity() !== opened) {
      const message = `store ${path}: the file was deleted, moved or replaced while it was open`;
      throw new HoldfastError('store.unavailable', `${message}; put it back, or open it again`, {
        details: { path },
      });
    }
    lookedAt = now;
  };
}

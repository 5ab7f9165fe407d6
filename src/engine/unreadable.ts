/**
 * Owns what becomes of a run whose stored values this node cannot read.
 *
 * N1 It is set aside, once: nothing is lost, nothing is tried again and again, and an operator who
 *    has given the key lets it go on.
 */
import { HoldfastError } from '../core/errors.ts';
import type { EndOfAttempt } from '../ports/store-runs.ts';

/** The end of an attempt that met such a value; null for any other error. */
export function unreadableEnd(error: unknown): EndOfAttempt | null {
  if (!(error instanceof HoldfastError)) return null;
  const { code, message, details } = error;
  if (code !== 'payload.no_key' && code !== 'payload.damaged') return null;
  return { how: 'diverged', error: { code, message, details } };
}

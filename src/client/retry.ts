/**
 * Owns when a request is sent again.
 *
 * R1 What may be done twice is sent again after any failure that may pass. What must not, only when
 *    it is known that nothing was done.
 * R2 Never earlier than `Retry-After` says: if that is later than `delayMsMax`, the call fails
 *    instead.
 * R3 Jitter only shortens the delay of the policy, so that clients that failed together come back
 *    apart.
 */
import type { Failure } from './failure.ts';

/** How often, and when, a request is sent again. */
export interface ClientRetry {
  /** Sendings in all, the first included. 1: none again. Default 5. */
  readonly attemptsMax: number;
  /** Before the second sending, in ms; it doubles from one to the next. Default 250. */
  readonly delayMs: number;
  /** The longest delay, and the longest `Retry-After` that is waited for, in ms. Default 10,000. */
  readonly delayMsMax: number;
}

export const retryDefault: ClientRetry = { attemptsMax: 5, delayMs: 250, delayMsMax: 10_000 };

/** The share of a delay that chance may take away. */
const jitter = 0.5;

/** What of a failed request decides whether it is sent again. */
export type Failed = Pick<Failure, 'done' | 'afterMs'>;

/**
 * How long to wait before the next sending, or null for none. `sent` counts those so far; `chance`
 * lies in [0, 1).
 */
export function delayBefore(
  { done, afterMs }: Failed,
  safe: boolean,
  sent: number,
  { attemptsMax, delayMs, delayMsMax }: ClientRetry,
  chance: number,
): number | null {
  if (done === 'final' || sent >= attemptsMax) return null;
  if (done === 'unknown' && !safe) return null;
  const grown = delayMs === 0 ? 0 : Math.min(delayMs * 2 ** (sent - 1), delayMsMax);
  const own = grown * (1 - jitter * chance);
  if (afterMs === null) return own;
  return afterMs > delayMsMax ? null : afterMs + own;
}

/**
 * Owns when a failed attempt is tried again. Pure: the randomness of jitter is handed in.
 *
 * R1 Failures spend the budget (`attemptsMax`); crashes and hand-backs do not.
 * R2 The delay never exceeds `delayMsMax`, and jitter only ever shortens it.
 * R3 An error may overrule the policy: never again, not before a given time, or after a given
 *    delay.
 */
import { checkNumber, checkOptions, checkWhole, checkWord } from './check.ts';
import { limits } from './limits.ts';
import type { WallMs } from './time.ts';
import { wallPlus } from './time.ts';

/**
 * How failures are retried. Stored with the run as it was when the run was accepted. Stored format.
 */
export interface RetryPolicy {
  /** Failed attempts allowed in all, the first included. 1 means no retry. */
  readonly attemptsMax: number;
  readonly backoff: 'fixed' | 'exponential';
  /** Delay before the second attempt. */
  readonly delayMs: number;
  /** Growth from one delay to the next when exponential. */
  readonly factor: number;
  /** Cap on the delay. */
  readonly delayMsMax: number;
  /** Share of the delay that chance may take away: 0 none, 1 all of it. */
  readonly jitter: number;
}

/** What an error says about trying again; `undefined` leaves it to the policy. */
export type RetryAdvice =
  | { readonly kind: 'never' }
  | { readonly kind: 'at'; readonly at: WallMs }
  | { readonly kind: 'after'; readonly delayMs: number };

/** Three attempts, 1 s then 2 s, capped at a minute, half of it jitter. */
export const retryDefault: RetryPolicy = {
  attemptsMax: 3,
  backoff: 'exponential',
  delayMs: 1_000,
  factor: 2,
  delayMsMax: 60_000,
  jitter: 0.5,
};

/** The delay after the given number of failures (1 = after the first), before jitter. */
export function delayAfter(policy: RetryPolicy, failures: number): number {
  if (policy.backoff === 'fixed') return Math.min(policy.delayMs, policy.delayMsMax);
  // Growth overflows to infinity, which the cap catches; nothing times infinity would be no number.
  if (policy.delayMs === 0) return 0;
  const grown = policy.delayMs * policy.factor ** Math.max(0, failures - 1);
  return Math.min(grown, policy.delayMsMax);
}

/**
 * When to try again after `failures` failures, or null when the budget is spent or the error
 * forbids it. `chance` lies in [0, 1) and decides the jitter.
 */
export function nextTry(
  policy: RetryPolicy,
  failures: number,
  advice: RetryAdvice | undefined,
  chance: number,
  now: WallMs,
): WallMs | null {
  if (advice?.kind === 'never' || failures >= policy.attemptsMax) return null;
  if (advice?.kind === 'at') return advice.at > now ? advice.at : now;
  if (advice?.kind === 'after') return wallPlus(now, Math.max(0, advice.delayMs));
  const delay = delayAfter(policy, failures);
  return wallPlus(now, Math.floor(delay * (1 - policy.jitter * chance)));
}

/**
 * A policy from options, on top of another. `of` says in messages whose they are. Throws
 * `request.invalid`.
 */
export function retryOf(
  of: string,
  given: Partial<RetryPolicy> | false | undefined,
  base: RetryPolicy,
): RetryPolicy {
  if (given === undefined) return base;
  if (given === false) return { ...base, attemptsMax: 1 };
  const name = (option: string): string => `retry.${option} ${of}`;
  checkOptions(`retry ${of}`, given, Object.keys(retryDefault));
  const policy = { ...base, ...given };
  checkWhole(name('attemptsMax'), policy.attemptsMax, 1, limits.attemptsMax);
  checkWord(name('backoff'), policy.backoff, ['fixed', 'exponential']);
  checkNumber(name('delayMs'), policy.delayMs, 0, limits.delayMsMax);
  checkNumber(name('factor'), policy.factor, 1, 1_000);
  checkNumber(name('jitter'), policy.jitter, 0, 1);
  const capMin = given.delayMsMax === undefined ? 0 : policy.delayMs;
  checkNumber(name('delayMsMax'), policy.delayMsMax, capMin, limits.delayMsMax);
  return { ...policy, delayMsMax: Math.max(policy.delayMsMax, policy.delayMs) };
}

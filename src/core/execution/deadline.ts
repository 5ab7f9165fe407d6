/**
 * Owns how long others wait before they end an attempt in its owner's place.
 *
 * D1 The owner acts first: it signals at the deadline and gives the code its grace. Others act only
 *    a margin later, so that they never race with an owner that does its duty.
 * D2 Patience is a duration. The store turns it into a time of the clock by which it judges leases,
 *    so that a step of the wall clock takes no live owner's work away.
 * D3 The patience with an attempt counts from the claim, of which the owner knows only that it came
 *    after the asking. However late the answer is, the code is signalled before others give it up.
 */
import { limits } from '../limits.ts';
import type { WallMs } from '../time.ts';
import type { RunTerms, Stop } from './run.ts';

/** What others wait beyond the owner's own grace before they take the ownership away. */
export const overdueMarginMs = 2_000;

/** Why an owner had to end the attempt. */
export type OverdueCause = 'stop' | 'deadline' | 'attempt';

/** How long others wait, from now on, and for what reason. */
export interface Patience {
  readonly forMs: number;
  readonly cause: OverdueCause;
}

/** The patience with an owner that claims now, or null if nothing bounds the attempt. */
export function patienceAtClaim(terms: RunTerms, now: WallMs): Patience | null {
  const slackMs = terms.graceMs + overdueMarginMs;
  const attemptMs = terms.attemptTimeoutMs ?? Number.POSITIVE_INFINITY;
  const deadlineMs =
    terms.deadlineAt === null ? Number.POSITIVE_INFINITY : Math.max(0, terms.deadlineAt - now);
  if (attemptMs === Number.POSITIVE_INFINITY && deadlineMs === attemptMs) return null;
  return attemptMs <= deadlineMs
    ? { forMs: attemptMs + slackMs, cause: 'attempt' }
    : { forMs: deadlineMs + slackMs, cause: 'deadline' };
}

/** How long before others give an attempt up its owner has signalled at the latest. */
const signalLeadMs = overdueMarginMs / 2;

/**
 * How long an attempt may take until its owner signals it, if it begins `askedMs` after its claim
 * was asked for. Its timeout, and less only when the answer took longer than the grace and half of
 * the margin. Null: it would get less than half of its timeout, and is better handed back.
 */
export function attemptMsLeft(
  { attemptTimeoutMs, graceMs }: Pick<RunTerms, 'attemptTimeoutMs' | 'graceMs'>,
  askedMs: number,
): number | null {
  if (attemptTimeoutMs === null) return Number.POSITIVE_INFINITY;
  const lateMs = Math.max(0, askedMs - (graceMs + overdueMarginMs - signalLeadMs));
  return lateMs > attemptTimeoutMs / 2 ? null : attemptTimeoutMs - lateMs;
}

/** The patience with all nodes together: somebody should take it up, to clean up. */
export const patienceInQueue = (stop: Stop, now: WallMs): Patience => ({
  forMs: Math.min(limits.cleanUpWaitMs, Math.max(0, limits.cleanUpWaitMs - (now - stop.since))),
  cause: 'stop',
});

/** The patience with an owner that is asked to stop now. */
export const patienceAtStop = (terms: RunTerms): Patience => ({
  forMs: terms.graceMs + overdueMarginMs,
  cause: 'stop',
});

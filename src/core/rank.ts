/**
 * Owns the order in which eligible runs are handed out: fair share across tenants, less the head
 * start that a priority buys. Pure arithmetic on one shared clock and one number per tenant.
 *
 * The unit is the *turn*: a run of a tenant with weight 1 costs one turn, with weight w it costs
 * 1/w. This is start-time fair queueing (Goyal, Vin, Cheng 1996): a run's tag is where its tenant
 * stands, but never behind the clock, so that idling saves nothing up and a burst costs only
 * whoever sent it.
 *
 * K1 The rank is fixed when the run becomes eligible and never changes while it waits for a slot.
 * K2 The clock only moves forward, by at least `turnsPerClaimMin` for every run handed out: with
 *    bounded head starts, every waiting run is the least one day (nothing starves).
 * K3 A head start of p seconds is p seconds of the measured pace of the queue, in turns.
 * K4 The clock moves by no more turns than were handed out. A run that goes first although its tag
 *    is far ahead (it is urgent, or its function is idle) does not carry the clock past the burst
 *    of its tenant, behind which whoever comes new would have to queue.
 * K5 Whoever leaves the order without being handed out gets its turn back.
 */
import { limits } from './limits.ts';
import type { WallMs } from './time.ts';

/** Where the shared clock stands, and its measured pace. Stored format. */
export interface ShareClock {
  /** Turns: how far the hand-out has come; never behind the start of whoever comes new. */
  readonly turn: number;
  /** Turns a second while there was a backlog, smoothed. */
  readonly turnsPerSecond: number;
  /** When and where the pace was last measured. */
  readonly measuredAt: WallMs;
  readonly measuredTurn: number;
}

/**
 * What each hand-out moves the clock by at the least, so that endless new tenants cannot hold it.
 */
export const turnsPerClaimMin = 1 / 1_024;
/** Also what is assumed until a backlog was seen: the first measure then counts in full. */
export const paceMin = 1;
export const paceMax = 1_000_000;
export const paceSmoothingMs = 5_000;
export const paceSampleMsMin = 50;

/** A clock that nobody has used yet. */
export const shareClockStart = (now: WallMs): ShareClock => ({
  turn: 0,
  turnsPerSecond: paceMin,
  measuredAt: now,
  measuredTurn: 0,
});

/** A place in the order, and where the tenant stands after taking it. */
export interface Placement {
  readonly tag: number;
  readonly rank: number;
  readonly tenantTurn: number;
}

/** Places one run that became eligible. `tenantTurn` is where its tenant stood before. */
export function place(
  clock: ShareClock,
  tenantTurn: number,
  weight: number,
  prioritySeconds: number,
): Placement {
  const tag = Math.max(clock.turn, tenantTurn);
  const bound = limits.prioritySecondsMax;
  const headStart = Math.min(Math.max(prioritySeconds, -bound), bound) * clock.turnsPerSecond;
  return { tag, rank: tag - headStart, tenantTurn: tag + 1 / weight };
}

/** Where a tenant stands once one of its placed runs has left the order unserved (K5). */
export const unplace = (tenantTurn: number, weight: number): number =>
  Math.max(0, tenantTurn - 1 / weight);

/** What one claim handed out. */
export interface HandedOut {
  readonly count: number;
  /** The greatest tag among them. */
  readonly tagMax: number;
  /** What they cost their tenants, in turns. */
  readonly turns: number;
}

/** Moves the clock after runs were handed out; `backlog`: others are still waiting. */
export function advance(
  clock: ShareClock,
  { count, tagMax, turns }: HandedOut,
  backlog: boolean,
  now: WallMs,
): ShareClock {
  if (count === 0) return clock;
  const served = Math.min(tagMax, clock.turn + turns);
  const turn = Math.max(served, clock.turn + count * turnsPerClaimMin);
  const elapsedMs = now - clock.measuredAt;
  if (!backlog || elapsedMs < 0) {
    return { ...clock, turn, measuredAt: now, measuredTurn: turn };
  }
  if (elapsedMs < paceSampleMsMin) return { ...clock, turn };
  const pace = ((turn - clock.measuredTurn) * 1_000) / elapsedMs;
  const first = clock.turnsPerSecond === paceMin;
  const trust = first ? 1 : 1 - Math.exp(-elapsedMs / paceSmoothingMs);
  const smoothed = clock.turnsPerSecond + (pace - clock.turnsPerSecond) * trust;
  const turnsPerSecond = Math.min(Math.max(smoothed, paceMin), paceMax);
  return { turn, turnsPerSecond, measuredAt: now, measuredTurn: turn };
}

/**
 * Owns the part of a lease by which a node distrusts itself.
 *
 * L1 Whoever judges a node leaves it its whole lease; the node itself stops this much earlier. In
 *    between nobody acts, so that timers, event loops and clocks may come late by as much.
 */

/** At the most, in ms. */
export const trustMarginMsMax = 2_000;
/** Of the lease. */
export const trustMarginShare = 0.2;

/** The margin by which a node distrusts itself before its lease is over. */
export const trustMarginMs = (ttlMs: number): number =>
  Math.min(trustMarginMsMax, ttlMs * trustMarginShare);

/**
 * Owns what a runtime counts about its calls since it was opened.
 *
 * N1 Counters only grow; gauges are counted when somebody asks, so that they cannot drift.
 */

/** What has happened so far. */
export interface CallCounters {
  admitted: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  timedOut: number;
  rejected: number;
  /** Refused: the queue or the tenant was full, the lane in quarantine, the runtime at its end. */
  full: number;
  /** Refused for another reason: nobody answers to the name, no access, a bad argument. */
  refused: number;
  /** Refused because the id was in use, or had been lately. */
  duplicates: number;
  /** Cancelled calls that were answered in place of code that did not obey. */
  cancelsForced: number;
  /** Results that nobody got any more. */
  late: number;
}

/** What there is right now. */
export interface CallGauges {
  readonly queued: number;
  readonly running: number;
  readonly awaiting: number;
  /** Calls that are over while their code goes on. */
  readonly stuck: number;
  readonly lanes: number;
  readonly lanesQuarantined: number;
  /** Tenants that are remembered. */
  readonly tenants: number;
  readonly tombstones: number;
  readonly deadlines: number;
}

/** Nothing has happened yet. */
export const callCountersStart = (): CallCounters => ({
  admitted: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  timedOut: 0,
  rejected: 0,
  full: 0,
  refused: 0,
  duplicates: 0,
  cancelsForced: 0,
  late: 0,
});

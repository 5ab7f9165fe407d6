/**
 * Owns what a runtime counts about itself since it was opened.
 *
 * N1 Counters only grow. They are of this process and this runtime, and are not kept.
 */

/** What has happened so far. */
export interface Counters {
  /** Runs accepted through this runtime. */
  started: number;
  /** Claims sent, and runs that they brought. */
  claims: number;
  claimed: number;
  /** Outcomes committed by this node. */
  succeeded: number;
  failed: number;
  cancelled: number;
  timedOut: number;
  lost: number;
  /** Attempts that went back into the queue: for a retry, and handed back unfinished. */
  retried: number;
  handedBack: number;
  /** Attempts that ended because only waits were left, or because their code had changed. */
  parked: number;
  diverged: number;
  /** Ends refused because the run had another owner by then. */
  lateResults: number;
  /**
   * Ends that were never sent or never got through, because the node lost its lease or the store.
   */
  endsDropped: number;
  /** Times that this node lost its lease and stopped its work. */
  fenced: number;
  /** Runs taken from nodes that were proven dead. */
  takenOver: number;
  /** Wake-ups from the bus, and looks at the store without one. */
  wakeUps: number;
  polls: number;
  sweeps: number;
  pruned: number;
  /** Store calls that failed and were tried again. */
  storeFaults: number;
  /** Log lines of runs that were dropped over a bound. */
  logLinesDropped: number;
  /** Ends of steps that were kept. */
  steps: number;
  /** Events, decisions and signals that were accepted through this runtime. */
  events: number;
  decisions: number;
  signals: number;
  /**
   * Parts that runs of this node emitted: kept, dropped over the bound of their run, and lost
   * because the attempt was not ours any more, or the store failed for too long.
   */
  partsKept: number;
  partsDropped: number;
  partsLost: number;
}

/** Nothing has happened yet. */
export const countersStart = (): Counters => ({
  started: 0,
  claims: 0,
  claimed: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  timedOut: 0,
  lost: 0,
  retried: 0,
  handedBack: 0,
  parked: 0,
  diverged: 0,
  lateResults: 0,
  endsDropped: 0,
  fenced: 0,
  takenOver: 0,
  wakeUps: 0,
  polls: 0,
  sweeps: 0,
  pruned: 0,
  storeFaults: 0,
  logLinesDropped: 0,
  steps: 0,
  events: 0,
  decisions: 0,
  signals: 0,
  partsKept: 0,
  partsDropped: 0,
  partsLost: 0,
});

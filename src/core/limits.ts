/**
 * Owns every bound of the product that is not chosen per installation: its name, its value, its
 * unit.
 *
 * B1 A value past its bound is refused with a stable code, or dropped by a stated policy and
 *    counted.
 * B2 Units stand last in the name; `Max` values are allowed, the next one is not.
 */
export const limits = {
  /**
   * Bytes of one input, as UTF-8 JSON. Refused: `payload.too_large`. A runtime may set it lower or
   * higher.
   */
  inputBytesMax: 1_048_576,
  /** Bytes of one result, as UTF-8 JSON. Past it the run fails: `payload.too_large`. */
  resultBytesMax: 1_048_576,
  /** Characters of a run id. */
  idCharsMax: 200,
  /** Characters of a function name, lane key or tenant key. */
  keyCharsMax: 200,
  /** Functions that one runtime may host. */
  functionsMax: 1_000,
  /** Tags on one run. */
  tagsMax: 16,
  /** Characters of one tag. */
  tagCharsMax: 100,
  /** Characters of a reason given for cancelling or pausing. */
  reasonCharsMax: 500,
  /** Runs in one `startMany`, one bulk action page, one store call. */
  batchItemsMax: 10_000,
  /** Runs that may wait or run in one store at once. Refused: `store.full`. */
  liveRunsMax: 10_000_000,
  /** Seconds of head start that a priority may buy or give away. */
  prioritySecondsMax: 3_600,
  /** Executions at once in one lane. */
  laneWidthMax: 1_000,
  /**
   * Highest limits that a tenant may be given. Places and waiting runs are counted from rows, up to
   * the limit, so these bound the cost of a start and of an end.
   */
  tenantRunningMax: 10_000,
  tenantWaitingMax: 100_000,
  /** Share of a tenant relative to weight 1. */
  weightMin: 0.01,
  weightMax: 1_000,
  /** Furthest due time, delay or deadline from now: ten years. */
  delayMsMax: 315_360_000_000,
  /** Attempts that a retry policy may ask for. */
  attemptsMax: 1_000,
  /** Runs handed out by one claim. */
  claimRunsMax: 1_000,
  /** Characters of input after which a claim hands out no more. */
  claimInputCharsMax: 16_777_216,
  /** Rows of one page of a list; rows that one page may look at. */
  pageRowsMax: 1_000,
  pageScanRowsMax: 100_000,
  /** Log lines kept for one run; characters of one line. Past it: dropped and counted. */
  logLinesMax: 1_000,
  logLineCharsMax: 8_192,
  /** Bytes of one progress value, as UTF-8 JSON. */
  progressBytesMax: 16_384,
  /** Characters kept of an error's message and stack. */
  errorMessageCharsMax: 4_096,
  errorStackCharsMax: 8_192,
  /** Closed attempts kept for one run, newest last; older ones are dropped. */
  attemptsKeptMax: 50,
  /**
   * Rows that one sweep, or one step of a recovery, of pruning or of new terms for a tenant, may
   * change in one transaction.
   */
  sweepRowsMax: 500,
  /** Nodes that ended and are still shown. Past it the oldest that own nothing are forgotten. */
  endedNodesMax: 100,
} as const;

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
  /**
   * Flow control: starts that a sliding window or a throttle may let through in one period, each of
   * which is kept; those that a bucket may; and the longest period.
   */
  flowTimesMax: 1_000,
  flowBucketMax: 1_000_000,
  flowPeriodMsMax: 2_592_000_000,
  /** Keys of flow control that are kept at once. Refused: `store.full`. */
  flowKeysMax: 10_000_000,
  /** Starts merged into debounced runs of one key that are known again by their ids. */
  flowMergedMax: 16,
  /** Waiting runs that one start may replace. */
  flowReplacedMax: 500,
  /** Items of one batch; longest that a node gathers them. */
  batchFunctionItemsMax: 1_000,
  batchWaitMsMax: 60_000,
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
  /** Steps kept for one run. Past it the attempt fails: `steps.full`. */
  stepsMax: 10_000,
  /** Characters of the key of a step: its kind, its name, and the mark of a later use. */
  stepKeyCharsMax: 220,
  /** Bytes of what one step gives, as UTF-8 JSON. Past it the step fails: `payload.too_large`. */
  stepBytesMax: 1_048_576,
  /**
   * A sleep that is this short holds its slot. A delay between two tries of a step holds it up to
   * the second bound; a longer one ends the attempt, and the run is tried again after it.
   */
  sleepHeldMsMax: 50,
  stepDelayHeldMsMax: 60_000,
  /**
   * How long a statement of a step's transaction may take, how long it waits for a lock, and how
   * long the transaction stands still, in ms, before the server ends it. How often the database may
   * have one try begin anew: after a deadlock, or where it cannot be serialized.
   */
  transactionStatementMsMax: 30_000,
  transactionLockMsMax: 5_000,
  transactionIdleMsMax: 10_000,
  transactionRestartsMax: 5,
  /** Steps, and characters of what they gave, in one page of a run's steps. */
  stepPageRowsMax: 1_000,
  stepPageCharsMax: 8_388_608,
  /** Children that one `ctx.all` starts. Past it: `children.full`. */
  childrenMax: 100_000,
  /** How deep runs may start runs: a child of a child, and so on. Refused: `child.too_deep`. */
  childDepthMax: 64,
  /** Children that `ctx.all` starts in one transaction. */
  childStartRowsMax: 500,
  /** Children in one page, and characters of what they gave. */
  childPageRowsMax: 1_000,
  childPageCharsMax: 8_388_608,
  /** Results that `values()` of `ctx.all` holds in memory at once. Past it: `children.full`. */
  childValuesMax: 10_000,
  /** Bytes of one event's data, as UTF-8 JSON. Refused: `payload.too_large`. */
  eventBytesMax: 262_144,
  /** Events kept in one store. Refused: `store.full`. */
  eventsMax: 1_000_000,
  /** Earlier events of its name that a wait looks through when it begins, oldest first. */
  eventLookBackRowsMax: 10_000,
  /** Paths of one match of a wait; characters of one value of it. */
  matchPathsMax: 8,
  matchValueCharsMax: 500,
  /** Values of one sealed event that waits can be matched with. Others are not compared. */
  matchIndexMax: 64,
  /** Signals that wait in the inbox of one run. Refused: `signals.full`. */
  signalsMax: 1_000,
  /** Bytes of one signal's data, or of one answer, as UTF-8 JSON. Refused: `payload.too_large`. */
  signalBytesMax: 65_536,
  /** Names of signals that one function declares, or that one wait is for. */
  signalNamesMax: 100,
  /** Names of declared state of one run. Refused: `state.full`. */
  stateNamesMax: 64,
  /** Bytes of one value of declared state, as UTF-8 JSON. Refused: `payload.too_large`. */
  stateBytesMax: 16_384,
  /** Bytes of one part that a run emits. Refused: `payload.too_large`. */
  partBytesMax: 1_048_576,
  /**
   * Bytes of all parts of one run, as they are stored: JSON, with bytes as base64. What is emitted
   * past it is dropped and counted, and readers are told where.
   */
  partsBytesMax: 67_108_864,
  /**
   * Bytes of parts of one attempt that wait for the store: from the first bound on `emit` says so,
   * past the second it throws `parts.full`.
   */
  partsWaitingBytes: 262_144,
  partsWaitingBytesMax: 8_388_608,
  /** Characters of one page of parts, the blocks that it is made of, and the parts in it. */
  partsPageCharsMax: 1_048_576,
  partsPageBlocksMax: 64,
  partsPageRowsMax: 10_000,
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
  /** Functions that one process tells metrics of by name; all further ones are told as `other`. */
  metricFunctionsMax: 100,
  /** Scripts: bytes of a source, grants of one script, bytes of a grant's arguments and result. */
  scriptSourceBytesMax: 1_048_576,
  scriptGrantsMax: 100,
  scriptGrantBytesMax: 1_048_576,
  /** Scripts: levels of arrays and objects in what one emits, returns and asks with. */
  scriptValueDepthMax: 1_000,
  /** Scripts: highest limits that a definition may give to one call. */
  scriptMemoryBytesMax: 1_073_741_824,
  scriptTimeMsMax: 3_600_000,
  scriptOutputValuesMax: 100_000,
  scriptOutputBytesMax: 8_388_608,
  scriptGrantCallsMax: 1_000_000,
  /** VMs or threads of one pool, and calls that may wait for them. */
  poolVmsMax: 256,
  poolQueueMax: 65_536,
  /** How long a run that was cancelled in the middle of its work waits for a node to clean up. */
  cleanUpWaitMs: 30_000,
  /** Calls: longest time that one may take, all extensions included. */
  callTimeoutMsMax: 86_400_000,
  /** Calls: how long code may go on after its call is over until its lane is in quarantine. */
  callQuarantineMs: 10_000,
  /** Calls: ids that are remembered after their call. The oldest are forgotten. */
  callTombstonesMax: 65_536,
  /** Calls: prefixes of one name; live calls and lanes in one list. */
  callPrefixesMax: 1_000,
  callListMax: 1_000,
  /** Calls: tenants whose use of a function's `call.rateLimit` is remembered. */
  callRateTenantsMax: 10_000,
  /** Calls: items that may wait in one hand-off. */
  handOffRoomMax: 100_000,
  /** Stdio: bytes of one command line without its line end, and of one body. */
  stdioLineBytesMax: 15_487,
  stdioBodyBytesMax: 20_971_520,
  /** Stdio: bytes of one result; of all that waits to be read by the agent, past which it ends. */
  stdioResultBytesMax: 104_857_600,
  stdioBacklogBytesMax: 268_435_456,
  /** Stdio: bytes of a uid; seconds that an agent may give a call. */
  stdioUidBytesMax: 128,
  stdioTimeoutSecondsMax: 120,
  /** Access keys in one store. Refused: `auth.full`. */
  keysMax: 1_000,
  /** HTTP: characters of a URL, headers of a request, bytes of all its headers with the URL. */
  httpUrlCharsMax: 8_192,
  httpHeadersMax: 100,
  httpHeaderBytesMax: 16_384,
  /** HTTP: how deep the JSON of a body may nest. */
  httpJsonDepthMax: 128,
  /** HTTP: longest wait for a result in one request. */
  httpWaitMsMax: 60_000,
  /** HTTP: bytes that wait for one reader of a stream, beside those in the socket. */
  httpStreamBytesMax: 65_536,
  /** HTTP: background operations remembered by one process, and under way at once. */
  operationsMax: 100,
  operationsRunningMax: 4,
} as const;

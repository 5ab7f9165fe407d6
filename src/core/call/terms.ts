/**
 * Owns where a call differs from a run of the same function. Everything else (lanes, tenants,
 * priorities, schema, code, outcome, errors) is the same.
 *
 * | | run | call |
 * |---|---|---|
 * | input | a copy, as JSON | the value itself |
 * | kept | in the store | in memory; it ends with its process |
 * | tries | as the retry policy says | one: whoever called decides whether to call again |
 * | deadline | `totalMs` and `attemptMs`, or none | the shorter of both, or a minute: never none |
 * | at the deadline | signal, grace, then the end | the answer at once, and the signal |
 * | cancelled while queued | at once | at once, unless the function says `cancelQueued: false` |
 * | steps, waits, parts | durable | refused: `call.not_durable` |
 * | answer | what the code gives | that, or later by `ctx.later()` |
 * | lane that cannot be computed | refused | the lane of the function itself |
 * | lanes, limits, concurrency | over all nodes, or on one node | in one process, apart from runs |
 * | pauses, flow control | as the store says | `call.rateLimit`, in one process |
 * | many at once | gathered on a node | gathered in one process, apart from runs |
 * | an id that was used | the same run | refused while it goes on, and for a minute after |
 */
import { checkNumber, checkOptions, checkWhole, invalid } from '../check.ts';
import { limits } from '../limits.ts';

/** What a function says about its calls, beside what holds for its runs, too. */
export interface CallOptions {
  /** Whether a call may be cancelled before it has begun. Default true. */
  readonly cancelQueued?: boolean;
  /** The longest a call may take unless its caller says otherwise. Default: as for runs. */
  readonly timeoutMs?: number;
  /** Progress that the code reports leaves it this much time at least. Default: no more time. */
  readonly progressExtendsMs?: number;
  /**
   * So many calls of each tenant within so long, in one process: `max` at once, and then as many as
   * become free in time. Past it: `rate.limited`, with `retryAfterMs`. Default: any number.
   */
  readonly rateLimit?: { readonly max: number; readonly perMs: number };
  /** Bits of access that a caller on stdio must have, all of them. Default 0: none. */
  readonly access?: number;
  /** What an agent on stdio is told: one line, and words. */
  readonly help?: string;
  readonly tags?: string;
}

/** The same with all defaults, as it holds for each call. */
export interface CallTerms {
  readonly cancelQueued: boolean;
  readonly timeoutMs: number;
  readonly progressExtendsMs: number;
  readonly access: number;
  /** Between the signal to stop and the answer in place of the code. */
  readonly graceMs: number;
}

const names = [
  ...['cancelQueued', 'timeoutMs', 'progressExtendsMs', 'rateLimit', 'access', 'help', 'tags'],
];
const accessMax = 0xffff;
const unsafe = /["\\\p{Cc}]/u;

/** Checks what a function says about its calls. */
export function checkCallOptions(of: string, given: CallOptions | undefined): void {
  if (given === undefined) return;
  checkOptions(of, given, names);
  const { cancelQueued, timeoutMs, progressExtendsMs, rateLimit, access } = given;
  if (cancelQueued !== undefined && typeof cancelQueued !== 'boolean') {
    throw invalid(`${of}.cancelQueued`, cancelQueued, 'it must be a boolean');
  }
  checkTimeout(`${of}.timeoutMs`, timeoutMs);
  if (progressExtendsMs !== undefined) {
    checkWhole(`${of}.progressExtendsMs`, progressExtendsMs, 0, limits.callTimeoutMsMax);
  }
  if (rateLimit !== undefined) {
    checkOptions(`${of}.rateLimit`, rateLimit, ['max', 'perMs']);
    checkWhole(`${of}.rateLimit.max`, rateLimit.max, 1, limits.flowBucketMax);
    checkWhole(`${of}.rateLimit.perMs`, rateLimit.perMs, 1, limits.flowPeriodMsMax);
  }
  if (access !== undefined) checkWhole(`${of}.access`, access, 0, accessMax);
  for (const name of ['help', 'tags'] as const) {
    const text = given[name];
    if (text === undefined) continue;
    const plain = typeof text === 'string' && text.length <= limits.reasonCharsMax;
    if (plain && !unsafe.test(text)) continue;
    throw invalid(`${of}.${name}`, text, 'give a line without quotes, backslashes and controls');
  }
}

/** Checks a timeout that may have been left out. */
export function checkTimeout(name: string, value: number | undefined): void {
  if (value !== undefined) checkNumber(name, value, 1, limits.callTimeoutMsMax);
}

/** What holds for runs of a function, as far as it matters here. */
export interface RunSide {
  readonly graceMs: number;
  readonly attemptMs: number | null;
  readonly totalMs: number | null;
}

/** The terms of the calls of a function. */
export function callTermsOf(
  { graceMs, attemptMs, totalMs }: RunSide,
  { cancelQueued = true, timeoutMs, progressExtendsMs = 0, access = 0 }: CallOptions,
  timeoutMsDefault: number,
): CallTerms {
  const ofRuns = Math.min(
    attemptMs ?? Number.POSITIVE_INFINITY,
    totalMs ?? Number.POSITIVE_INFINITY,
  );
  const standard = Number.isFinite(ofRuns) ? ofRuns : timeoutMsDefault;
  return {
    cancelQueued,
    timeoutMs: Math.min(timeoutMs ?? standard, limits.callTimeoutMsMax),
    progressExtendsMs,
    access,
    graceMs,
  };
}

/**
 * The lane of a call whose function computes it. What cannot be computed serialises all calls of
 * the function, or of the prefix: too much order does no harm.
 */
export function laneKeyOf(
  name: string,
  prefix: string | null,
  compute: () => string | null,
): string | null {
  const whole = prefix === null ? name : `${name}|${prefix}`;
  let key: string | null;
  try {
    key = compute();
  } catch {
    return whole;
  }
  if (key === null) return prefix === null ? null : whole;
  if (key === '') return whole;
  return prefix === null ? key : `${whole}\u0000${key}`;
}

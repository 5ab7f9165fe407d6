/**
 * Owns what a runtime measures about its attempts: how long they took, and how long runs had to
 * wait for the first of them.
 *
 * M1 Whoever measures holds its histogram: nothing is looked up on the way of a run.
 * M2 The first functions by name, all further ones together: what a scrape costs is bounded.
 */
import { bucketsMs, Histogram, quickBucketsMs } from '../core/histogram.ts';
import { limits } from '../core/limits.ts';

/** The name under which all further functions are counted. */
const furtherFunctions = 'other';

/** Durations by function. */
export class FunctionTimes {
  readonly #byName = new Map<string, Histogram>();
  readonly #boundsMs: readonly number[];

  constructor(boundsMs = bucketsMs) {
    this.#boundsMs = boundsMs;
  }

  /** The histogram of a function (M2). */
  of(fn: string): Histogram {
    const known = this.#byName.get(fn);
    if (known !== undefined) return known;
    const full = this.#byName.size >= limits.metricFunctionsMax;
    if (full && fn !== furtherFunctions) return this.of(furtherFunctions);
    const made = new Histogram(this.#boundsMs);
    this.#byName.set(fn, made);
    return made;
  }

  entries(): Iterable<readonly [fn: string, times: Histogram]> {
    return this.#byName;
  }
}

/** What one runtime measures. */
export class Meters {
  /** From the call of a handler until its code has settled. */
  readonly attempts = new FunctionTimes();
  /** From the acceptance of a run to the call of its handler in the first attempt. */
  readonly lags = new FunctionTimes();
  /** From the admission of a call to its answer. */
  readonly calls = new FunctionTimes(quickBucketsMs);
}

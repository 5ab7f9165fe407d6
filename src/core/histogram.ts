/**
 * Owns the counting of durations in fixed buckets.
 *
 * H1 To observe allocates nothing and takes a few comparisons: it may stand on the way of every
 *    run.
 */

/** Upper bounds of the buckets in ms; one more takes what is longer. */
export const bucketsMs: readonly number[] = [
  ...[1, 5, 10, 25, 50, 100, 250, 500],
  ...[1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 1_800_000],
];

/** The same for what may take microseconds: calls. */
export const quickBucketsMs: readonly number[] = [0.01, 0.05, 0.1, 0.5, ...bucketsMs];

/** How many durations there were of which length. */
export class Histogram {
  readonly boundsMs: readonly number[];
  readonly #counts: Float64Array;
  #sumMs = 0;

  constructor(boundsMs = bucketsMs) {
    this.boundsMs = boundsMs;
    this.#counts = new Float64Array(boundsMs.length + 1);
  }

  /** One duration in ms. One below zero, which only a clock that stepped gives, counts as none. */
  observe(ms: number): void {
    let at = 0;
    const { boundsMs } = this;
    while (ms > (boundsMs[at] ?? Number.POSITIVE_INFINITY)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    if (ms > 0) this.#sumMs += ms;
  }

  get sumMs(): number {
    return this.#sumMs;
  }

  /** For each bound how many took no longer; the last one is all of them. */
  cumulative(): readonly number[] {
    let sum = 0;
    return Array.from(this.#counts, (count) => {
      sum += count;
      return sum;
    });
  }
}

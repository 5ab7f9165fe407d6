/**
 * Owns the counting of a store's runs for metrics: seldom, and never at more than a small share of
 * the time.
 *
 * L1 Between two looks lie 10 s, and 20 times what the last one took: scrapes share a look, and a
 *    store that counts slowly is asked more seldom.
 * L2 Nobody waits for a look longer than `patienceMs`; it is told with a later scrape then.
 * L3 After a look that failed nothing is told, in place of what was true once.
 */
import type { MonoMs } from '../../core/time.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RunCounts } from '../../ports/store-reads.ts';

const everyMsMin = 10_000;
const everyTook = 20;
const patienceMs = 2_000;

/** What was seen. */
export interface StoreLook {
  readonly counts: RunCounts;
  /** Unfinished runs whose version no live node hosts. */
  readonly unhosted: number;
  readonly ageMs: number;
  readonly tookMs: number;
}

/** What a look asks for. */
type Seen = Pick<StoreLook, 'counts' | 'unhosted'>;

/** Looks at one store. */
export class StoreLooks {
  readonly #clock: Clock;
  readonly #ask: () => Promise<Seen>;
  #last: (Omit<StoreLook, 'ageMs'> & { readonly at: MonoMs }) | null = null;
  /** Since when, and for how long, nobody asks again. */
  #rest: { readonly from: MonoMs; readonly forMs: number } | null = null;
  #looking: Promise<void> | null = null;
  #faults = 0;

  constructor(clock: Clock, ask: () => Promise<Seen>) {
    this.#clock = clock;
    this.#ask = ask;
  }

  get faults(): number {
    return this.#faults;
  }

  /** The last look that is worth telling, after a new one if it is time. */
  async last(): Promise<StoreLook | null> {
    const rest = this.#rest;
    if (rest === null || this.#clock.mono() - rest.from >= rest.forMs) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = null;
      });
    }
    if (this.#looking !== null) await this.#patiently(this.#looking);
    const last = this.#last;
    if (last === null) return null;
    const { at, ...seen } = last;
    return { ...seen, ageMs: Math.max(0, this.#clock.mono() - at) };
  }

  async #look(): Promise<void> {
    const from = this.#clock.mono();
    try {
      const seen = await this.#ask();
      const at = this.#clock.mono();
      this.#last = { ...seen, at, tookMs: at - from };
    } catch {
      this.#faults += 1;
      this.#last = null;
    }
    const now = this.#clock.mono();
    this.#rest = { from: now, forMs: Math.max(everyMsMin, everyTook * (now - from)) };
  }

  /** L2 */
  async #patiently(look: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.after(patienceMs, resolve);
    await Promise.race([look, promise]);
    timer.cancel();
  }
}

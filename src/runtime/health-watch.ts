/**
 * Owns the regular look at how it stands with a store, for metrics and alarms.
 *
 * W1 One look a minute. An alarm is told once when it begins, not again while it lasts.
 * W2 A look that fails changes nothing: what is wrong then shows elsewhere.
 */
import type { Clock, Timer } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { StoreHealth } from '../store/postgres/health.ts';

const everyMs = 60_000;

/** Looks again and again until it is stopped. */
export class HealthWatch {
  readonly #ask: () => Promise<StoreHealth>;
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: Timer | null = null;
  #last: StoreHealth | null = null;
  #open = true;

  constructor(ask: () => Promise<StoreHealth>, clock: Clock, log: Log) {
    this.#ask = ask;
    this.#clock = clock;
    this.#log = log;
    this.#arm();
  }

  /** What was seen at the last look, or null before the first. */
  get last(): StoreHealth | null {
    return this.#last;
  }

  async look(): Promise<void> {
    try {
      const seen = await this.#ask();
      const known = new Set(this.#last?.alarms.map(({ name }) => name));
      this.#last = seen;
      for (const { name, message } of seen.alarms) {
        if (!known.has(name)) this.#log.log('warn', message, { alarm: name });
      }
    } catch {
      // W2
    }
  }

  stop(): Promise<void> {
    this.#open = false;
    this.#timer?.cancel();
    return Promise.resolve();
  }

  #arm(): void {
    if (!this.#open) return;
    this.#timer = this.#clock.after(everyMs, () => {
      void this.look().then(() => this.#arm());
    });
  }
}

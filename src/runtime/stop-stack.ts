/**
 * Owns the order of ending: what was opened last is closed first, also when opening fails half-way.
 *
 * S1 Every stop is called once, whatever the others do; what goes wrong is told, not thrown.
 */
import type { Log } from '../ports/log.ts';

/** Things to stop, in the order in which they were started. */
export class StopStack {
  readonly #stops: { readonly what: string; readonly stop: () => Promise<void> }[] = [];
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  push(what: string, stop: () => Promise<void>): void {
    this.#stops.push({ what, stop });
  }

  /** Stops all, the newest first. */
  async unwind(): Promise<void> {
    for (let top = this.#stops.pop(); top !== undefined; top = this.#stops.pop()) {
      try {
        await top.stop();
      } catch (error) {
        const message = `closing ${top.what} went wrong`;
        this.#log.log('warn', message, { error: String(error) });
      }
    }
  }
}

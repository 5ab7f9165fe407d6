/**
 * Owns the reading of what is kept of a run's steps, and what the store's clock says beside it.
 *
 * T1 Times of waits are by the store's clock. The difference to this process' monotonic clock is
 *    taken from what the store says, at the moment of its answer: so never too early.
 * T2 A fault of the store is waited out for as long as the attempt lasts.
 */

import { limits } from '../../core/limits.ts';
import type { StepRow } from '../../ports/store-steps.ts';
import type { Counters } from '../counters.ts';
import { mayPass } from '../passing.ts';
import type { World } from '../world.ts';

const retryMsMin = 20;
const retryMsMax = 1_000;

/** Between two looks for an end by others that is not there yet. */
export const readAgainMs = 20;
/** So often it is looked for. */
export const missesMax = 20;

/** Reads the steps of one run. */
export class StepReader {
  readonly #world: World;
  readonly #counters: Counters;
  readonly #id: string;
  #ahead: number | null = null;
  #open = true;

  constructor(world: World, counters: Counters, id: string) {
    this.#world = world;
    this.#counters = counters;
    this.#id = id;
  }

  /** The store's wall clock, as far as it is known. */
  get now(): number {
    const { clock } = this.#world;
    return this.#ahead === null ? clock.wall() : clock.mono() + this.#ahead;
  }

  /** The store's clock said this, a moment ago (T1). */
  saw(wall: number): void {
    const ahead = wall - this.#world.clock.mono();
    this.#ahead = this.#ahead === null ? ahead : Math.max(this.#ahead, ahead);
  }

  close(): void {
    this.#open = false;
  }

  /**
   * Steps with a greater `ord`; null when the run is not there any more, or the attempt is over.
   * Rejects with what waiting does not mend.
   */
  async read(after: number): Promise<readonly StepRow[] | null> {
    const rows: StepRow[] = [];
    let retryMs = retryMsMin;
    for (let from = after; this.#open; ) {
      try {
        const page = await this.#world.store.steps(this.#id, from, limits.stepPageRowsMax);
        if (page === null) return null;
        this.saw(page.now);
        rows.push(...page.steps);
        if (page.next === null) return this.#open ? rows : null;
        from = page.next;
        retryMs = retryMsMin;
      } catch (error) {
        if (!mayPass(error)) throw error;
        this.#counters.storeFaults += 1;
        await this.#pause(retryMs);
        retryMs = Math.min(retryMs * 2, retryMsMax);
      }
    }
    return null;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world.clock.after(ms, resolve);
    });
  }
}

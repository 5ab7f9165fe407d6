/**
 * Owns how users of the simulated world ask: some process that is up, with patience, as often as
 * they like.
 *
 * U3 The world may fail a request; nothing else may.
 */
import { HoldfastError } from '../../src/core/errors.ts';
import type { SeededRandom } from '../../src/testing/index.ts';
import type { SimProcess } from './sim-process.ts';
import type { SimWorld } from './sim-world.ts';

const patienceMs = 4_000;

export class Desk {
  readonly world: SimWorld;
  readonly random: SeededRandom;
  #on = true;
  #underWay = 0;

  constructor(world: SimWorld) {
    this.world = world;
    this.random = world.random.fork();
  }

  /** Requests that have not been answered or given up. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Nothing that was planned for later happens any more. */
  close(): void {
    this.#on = false;
  }

  later(ms: number, action: () => void): void {
    this.world.clock.after(ms, () => {
      if (this.#on) action();
    });
  }

  someone(): SimProcess | null {
    const up = this.world.processes.filter((one) => one.up);
    return up.length === 0 ? null : this.random.pick(up);
  }

  /** Asks somebody; null when nobody is there, it failed, or no answer came in time. */
  async ask<R>(request: (process: SimProcess) => Promise<R>): Promise<R | null> {
    const process = this.someone();
    if (process === null) return null;
    this.#underWay += 1;
    const { promise, resolve } = Promise.withResolvers<R | null>();
    const timer = this.world.clock.after(patienceMs, () => resolve(null));
    request(process).then(resolve, (error: unknown) => {
      this.#failed(error);
      resolve(null);
    });
    const reply = await promise;
    timer.cancel();
    this.#underWay -= 1;
    return reply;
  }

  #failed(error: unknown): void {
    const known = error instanceof HoldfastError && error.code.startsWith('store.');
    if (!known) this.world.violation(`U3 a request failed with ${String(error)}`);
  }
}

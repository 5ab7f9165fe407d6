/**
 * Owns what time alone brings about: due runs, deadlines, overdue owners, and the end of retention.
 *
 * S1 A sweep is timed for the next due time that the store named, however far away; the poll behind
 *    it finds what no timer knew.
 * S2 Many reasons to sweep in a moment are one sweep; one is under way at a time.
 * S3 A sweep that changed nothing is not repeated at once, whatever the store says is due.
 */
import { limits } from '../core/limits.ts';
import type { WallMs } from '../core/time.ts';
import type { Timer } from '../ports/clock.ts';
import type { Retention } from '../ports/store-reads.ts';
import type { Counters } from './counters.ts';
import { announce, type World } from './world.ts';

const pruneRowsMax = 1_000;
/** Between two steps of one pruning, so that others get at the store. */
const pruneStepMs = 50;

/** Sweeps and prunes for one node. */
export class Sweeper {
  readonly #world: World;
  readonly #counters: Counters;
  readonly #retention: Retention;
  readonly #pruneEveryMs: number;
  #timer: { readonly at: WallMs; readonly timer: Timer } | null = null;
  #pruneTimer: Timer | null = null;
  #sweeping: Promise<void> | null = null;
  #again = false;
  #open = true;

  constructor(world: World, counters: Counters, retention: Retention, pruneEveryMs: number) {
    this.#world = world;
    this.#counters = counters;
    this.#retention = retention;
    this.#pruneEveryMs = pruneEveryMs;
  }

  /** Begins to prune. The first time is left to chance, so that nodes do not prune together. */
  start(): void {
    this.#armPrune(this.#pruneEveryMs * this.#world.random.next());
  }

  /** The store named the next due time. */
  due(at: WallMs | null): void {
    if (at === null || !this.#open) return;
    if (this.#timer !== null) {
      if (this.#timer.at <= at) return;
      this.#timer.timer.cancel();
    }
    const waitMs = Math.max(0, at - this.#world.clock.wall());
    const timer = this.#world.clock.after(waitMs, () => {
      this.#timer = null;
      this.sweep();
    });
    this.#timer = { at, timer };
  }

  /** Sweeps now, or once more after the sweep under way. */
  sweep(): void {
    if (!this.#open) return;
    if (this.#sweeping !== null) {
      this.#again = true;
      return;
    }
    this.#sweeping = this.#sweepAll().finally(() => {
      this.#sweeping = null;
    });
  }

  async close(): Promise<void> {
    this.#open = false;
    this.#timer?.timer.cancel();
    this.#pruneTimer?.cancel();
    await this.#sweeping;
  }

  async #sweepAll(): Promise<void> {
    try {
      for (;;) {
        this.#again = false;
        this.#counters.sweeps += 1;
        const { reply, woken } = await this.#world.store.sweep(limits.sweepRowsMax);
        announce(this.#world, woken);
        if (!this.#open) return;
        if (reply.more || this.#again) continue;
        const late = reply.nextDueAt !== null && reply.nextDueAt <= this.#world.clock.wall();
        if (late && reply.due + reply.ended > 0) continue;
        if (!late) this.due(reply.nextDueAt);
        return;
      }
    } catch {
      // The poll sweeps again.
      this.#counters.storeFaults += 1;
    }
  }

  #armPrune(delayMs: number): void {
    if (!this.#open) return;
    this.#pruneTimer = this.#world.clock.after(delayMs, () => void this.#prune());
  }

  async #prune(): Promise<void> {
    let delayMs = this.#pruneEveryMs;
    try {
      const { pruned, more } = await this.#world.store.prune(this.#retention, pruneRowsMax);
      this.#counters.pruned += pruned;
      if (more) delayMs = pruneStepMs;
    } catch {
      this.#counters.storeFaults += 1;
    }
    this.#armPrune(delayMs);
  }
}

/**
 * Owns the waiting for ends of runs, wherever they are executed.
 *
 * W1 An end that this node committed itself resolves its waiters without a question to the store.
 * W2 Others are asked for in batches: after a wake-up, and by a patience of its own for each waiter
 *    that doubles from `askMsMin` to a longest one, which is longer where a question travels. The
 *    poll is the backstop of the wake-up.
 * W3 Asking takes at most a share of the time, however many wait and however many wake-ups come.
 */

import { limits } from '../core/limits.ts';
import type { MonoMs } from '../core/time.ts';
import { monoPlus } from '../core/time.ts';
import type { RunEnd } from '../ports/store-reads.ts';
import { Question } from './question.ts';
import type { World } from './world.ts';

const askMsMin = 5;
const askMsMaxDefault = 500;
/** After a question nobody asks for so many times as long as it took. */
const restShare = 4;
/**
 * Runs that are asked for at once, for each of which the longest patience grows by a part of a ms.
 */
const patienceMsPerWaiter = 0.25;

/** What a waiter hears: the end, or that the store knows no such run. */
export type Heard = RunEnd | null;

interface Waiter {
  readonly tell: (heard: Heard) => void;
  readonly fail: (error: unknown) => void;
}

interface Wait {
  readonly id: string;
  readonly waiters: Set<Waiter>;
  askAt: MonoMs;
  askMs: number;
}

/** Everybody of one runtime who waits for the end of a run. */
export class Waits {
  readonly #world: World;
  readonly #askMsMax: number;
  readonly #waits = new Map<string, Wait>();
  readonly #question: Question;
  /** Some run has ended since the last question: all are due. */
  #woken = false;

  constructor(world: World, askMsMax = askMsMaxDefault) {
    this.#world = world;
    this.#askMsMax = askMsMax;
    this.#question = new Question(world.clock, {
      ask: () => this.#ask(),
      nextAt: (restUntil) => this.#nextAt(restUntil),
    });
  }

  get size(): number {
    return this.#waits.size;
  }

  /**
   * Waits for a run. `fresh`: it was accepted just now, so that the first question can wait.
   * Resolves with null if the store does not know the run. `stop` ends the wait.
   */
  wait(id: string, fresh: boolean): { readonly heard: Promise<Heard>; readonly stop: () => void } {
    const { promise, resolve, reject } = Promise.withResolvers<Heard>();
    const waiter: Waiter = { tell: resolve, fail: reject };
    const now = this.#world.clock.mono();
    let wait = this.#waits.get(id);
    if (wait === undefined) {
      wait = { id, waiters: new Set(), askAt: now, askMs: askMsMin };
      this.#waits.set(id, wait);
    }
    wait.waiters.add(waiter);
    wait.askMs = askMsMin;
    wait.askAt = fresh ? monoPlus(now, askMsMin) : now;
    this.#question.by(wait.askAt);
    const stop = (): void => {
      const found = this.#waits.get(id);
      found?.waiters.delete(waiter);
      if (found?.waiters.size === 0) this.#waits.delete(id);
    };
    return { heard: promise, stop };
  }

  /** An end that was committed here. */
  ended(end: RunEnd): void {
    this.#tell(end.id, end);
  }

  /** Whether somebody waits for this run. */
  has(id: string): boolean {
    return this.#waits.has(id);
  }

  /** Somebody's run has ended: asks for all, soon. */
  wake(): void {
    if (this.#waits.size === 0) return;
    this.#woken = true;
    this.#question.by(this.#world.clock.mono());
  }

  /** Ends every wait with an error. */
  close(error: unknown): void {
    this.#question.close();
    for (const { waiters } of this.#waits.values()) for (const { fail } of waiters) fail(error);
    this.#waits.clear();
  }

  #tell(id: string, heard: Heard): void {
    const wait = this.#waits.get(id);
    if (wait === undefined) return;
    this.#waits.delete(id);
    for (const { tell } of wait.waiters) tell(heard);
  }

  #ask(): Promise<number> | null {
    const ids = this.#dueIds();
    return ids.length === 0 ? null : this.#asked(ids);
  }

  async #asked(ids: readonly string[]): Promise<number> {
    const from = this.#world.clock.mono();
    try {
      const { ended, unknown } = await this.#world.store.ends(ids);
      for (const end of ended) this.#tell(end.id, end);
      for (const id of unknown) this.#tell(id, null);
    } catch {
      // The next question finds out; whoever waits has a timeout of his own.
    }
    return (this.#world.clock.mono() - from) * restShare;
  }

  #dueIds(): string[] {
    const now = this.#world.clock.mono();
    const longestMs = Math.max(this.#askMsMax, this.#waits.size * patienceMsPerWaiter);
    const ids: string[] = [];
    const all = this.#woken;
    this.#woken = false;
    for (const wait of this.#waits.values()) {
      if (wait.askAt > now && !all) continue;
      ids.push(wait.id);
      wait.askMs = Math.min(wait.askMs * 2, longestMs);
      wait.askAt = monoPlus(now, wait.askMs);
      if (ids.length === limits.batchItemsMax) break;
    }
    return ids;
  }

  #nextAt(restUntil: MonoMs): MonoMs | null {
    let next: MonoMs | null = this.#woken ? restUntil : null;
    for (const { askAt } of this.#waits.values()) if (next === null || askAt < next) next = askAt;
    return next;
  }
}

/**
 * Owns the waiting for answers to signals, wherever the runs are executed.
 *
 * W1 All that wait in one runtime ask in one question, after a wake-up, and by a patience that
 *    doubles from `askMsMin` to a longest one while nothing new is waited for.
 * W2 Only one question is under way, and at most `batchItemsMax` signals are asked for in it; those
 *    that were asked for longest ago come first.
 */
import { limits } from '../core/limits.ts';
import type { Timer } from '../ports/clock.ts';
import type { AnswerAsk, SignalStand } from '../ports/store-signals.ts';
import type { World } from './world.ts';

const askMsMin = 10;
const askMsMaxDefault = 500;

interface Waiter {
  readonly ask: AnswerAsk;
  readonly tell: (stand: SignalStand | null) => void;
  readonly fail: (error: unknown) => void;
}

/** Everybody of one runtime who waits for the answer to a signal. */
export class Answers {
  readonly #world: World;
  readonly #askMsMax: number;
  readonly #waiters = new Set<Waiter>();
  #askMs = askMsMin;
  #timer: Timer | null = null;
  #asking = false;
  #woken = false;
  #open = true;

  constructor(world: World, askMsMax = askMsMaxDefault) {
    this.#world = world;
    this.#askMsMax = askMsMax;
  }

  /**
   * Waits until a signal has its answer, or will have none. Resolves with null if the store does
   * not know the run or the signal. `stop` ends the wait.
   */
  wait(ask: AnswerAsk): { readonly heard: Promise<SignalStand | null>; readonly stop: () => void } {
    const { promise, resolve, reject } = Promise.withResolvers<SignalStand | null>();
    const waiter: Waiter = { ask, tell: resolve, fail: reject };
    this.#waiters.add(waiter);
    this.#askMs = askMsMin;
    this.wake();
    return { heard: promise, stop: () => void this.#waiters.delete(waiter) };
  }

  /** Some signal was answered, or some run has ended. */
  wake(): void {
    if (this.#waiters.size === 0 || !this.#open) return;
    this.#woken = true;
    if (this.#asking) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#asking = true;
    queueMicrotask(() => void this.#ask());
  }

  /** Ends every wait with an error. */
  close(error: unknown): void {
    this.#open = false;
    this.#timer?.cancel();
    for (const { fail } of this.#waiters) fail(error);
    this.#waiters.clear();
  }

  async #ask(): Promise<void> {
    this.#woken = false;
    const asked = [...this.#waiters].slice(0, limits.batchItemsMax);
    try {
      const stands = await this.#world.store.answers(asked.map(({ ask }) => ask));
      for (const [at, waiter] of asked.entries()) this.#heard(waiter, stands[at] ?? null);
    } catch {
      // The next question finds out; whoever waits has a timeout of his own.
    }
    this.#asking = false;
    this.#next();
  }

  #heard(waiter: Waiter, stand: SignalStand | null): void {
    if (!this.#waiters.delete(waiter)) return;
    if (stand?.state === 'open') this.#waiters.add(waiter);
    else waiter.tell(stand);
  }

  #next(): void {
    if (this.#waiters.size === 0 || !this.#open) return;
    if (this.#woken) {
      this.wake();
      return;
    }
    this.#timer = this.#world.clock.after(this.#askMs, () => this.wake());
    this.#askMs = Math.min(this.#askMs * 2, this.#askMsMax);
  }
}

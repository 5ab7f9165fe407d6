/**
 * Owns the border of one simulated process: whatever reaches it from outside passes here.
 *
 * P1 A frozen process is told nothing; what came meanwhile is told after it goes on, in a seeded
 *    order.
 * P2 A process that is gone is told nothing ever again.
 */
import type { SimulatedClock } from '../../src/testing/index.ts';

/** The border of one process. */
export class Gate {
  readonly #clock: SimulatedClock;
  #state: 'going' | 'frozen' | 'gone' = 'going';
  #held: (() => void)[] = [];

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  get state(): 'going' | 'frozen' | 'gone' {
    return this.#state;
  }

  freeze(): void {
    if (this.#state === 'going') this.#state = 'frozen';
  }

  /** Each held message comes in a step of its own, ordered by the clock's chance. */
  unfreeze(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'going';
    const held = this.#held;
    this.#held = [];
    for (const tell of held) this.#clock.after(0, () => this.tell(tell));
  }

  kill(): void {
    this.#state = 'gone';
    this.#held = [];
  }

  /** Does it now, later, or never. */
  tell(action: () => void): void {
    if (this.#state === 'going') action();
    else if (this.#state === 'frozen') this.#held.push(action);
  }

  /** The same answer, as and when the process gets it. */
  answer<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      promise.then(
        (value) => this.tell(() => resolve(value)),
        (error: unknown) => this.tell(() => reject(error)),
      );
    });
  }
}

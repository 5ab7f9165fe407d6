/**
 * Owns the ends of one attempt that are known and not given to its code yet, and whose turn it is.
 *
 * N1 They are given in the order of `Order`.
 * N2 While the run is stopping nothing is compared any more (D5 of `moveOf`): an end that was not
 *    asked for is kept for when it is, and one that is missing is that of a wait that was refused.
 */
import { Order } from '../../core/durable/order.ts';
import type { StepEnd } from '../../ports/store-steps.ts';

/** An end that is kept. */
export interface KnownEnd {
  readonly key: string;
  readonly end: StepEnd;
}

/** The ends of one attempt. */
export class Ends {
  readonly #order = new Order<KnownEnd>();
  /** N2: ends whose turn came before they were asked for. */
  readonly #passed = new Map<string, StepEnd>();

  /** As in `Order`. */
  get seen(): number {
    return this.#order.seen;
  }

  /** As in `Order`. */
  get greatest(): number {
    return this.#order.greatest;
  }

  learn(nth: number, known: KnownEnd): void {
    this.#order.learn(nth, known);
  }

  get isMissing(): boolean {
    return this.#order.next() === 'missing';
  }

  /** The end whose turn it is: not there, not known yet, asked for by the code, or not. */
  next(
    asked: { has(key: string): boolean },
    stopping: boolean,
  ): 'none' | 'missing' | 'asked' | 'unasked' {
    for (;;) {
      const next = this.#order.next();
      if (next === null) return 'none';
      if (next === 'missing') {
        if (!stopping) return 'missing';
      } else {
        if (asked.has(next.key)) return 'asked';
        if (!stopping) return 'unasked';
        this.#passed.set(next.key, next.end);
      }
      this.#order.pass();
    }
  }

  /** Takes the end whose turn it is, if it is known. */
  take(): KnownEnd | null {
    const next = this.#order.next();
    if (next === null || next === 'missing') return null;
    this.#order.pass();
    return next;
  }

  /** N2 */
  passed(key: string): StepEnd | undefined {
    return this.#passed.get(key);
  }

  forget(): void {
    this.#passed.clear();
  }
}

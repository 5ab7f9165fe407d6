/**
 * Owns the order of the timers of a simulated clock: a binary heap by time, then by a tie-breaker.
 *
 * Q1 Adding and taking cost the logarithm of what waits; a cancelled timer is dropped when it comes
 *    up.
 */
import type { Timer } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';

/** Something that fires once. */
export interface WaitingTimer {
  fire(): void;
}

interface Entry extends WaitingTimer {
  readonly at: number;
  /** Decides between timers of one time. */
  readonly tie: number;
  readonly order: number;
  cancelled: boolean;
}

const before = (a: Entry, b: Entry): boolean =>
  a.at !== b.at ? a.at < b.at : a.tie !== b.tie ? a.tie < b.tie : a.order < b.order;

/** Timers by time. */
export class TimerQueue {
  readonly #heap: Entry[] = [];
  readonly #ties: Random | undefined;
  #order = 0;

  constructor(ties: Random | undefined) {
    this.#ties = ties;
  }

  add(at: number, fire: () => void): Timer {
    this.#order += 1;
    const entry: Entry = {
      at,
      tie: this.#ties?.next() ?? 0,
      order: this.#order,
      cancelled: false,
      fire,
    };
    this.#rise(entry);
    return {
      cancel: () => {
        entry.cancelled = true;
      },
    };
  }

  /** The next timer that was not cancelled. */
  peek(): { readonly at: number; fire(): void } | undefined {
    while (this.#heap[0]?.cancelled === true) this.shift();
    return this.#heap[0];
  }

  /** Takes the first timer out. */
  shift(): void {
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) this.#sink(last);
  }

  #rise(entry: Entry): void {
    let hole = this.#heap.length;
    this.#heap.push(entry);
    while (hole > 0) {
      const parentAt = (hole - 1) >> 1;
      const parent = this.#heap[parentAt];
      if (parent === undefined || !before(entry, parent)) break;
      this.#heap[hole] = parent;
      hole = parentAt;
    }
    this.#heap[hole] = entry;
  }

  #sink(entry: Entry): void {
    let hole = 0;
    for (;;) {
      const left = this.#heap[2 * hole + 1];
      const right = this.#heap[2 * hole + 2];
      const useRight = right !== undefined && left !== undefined && before(right, left);
      const child = useRight ? right : left;
      if (child === undefined || !before(child, entry)) break;
      this.#heap[hole] = child;
      hole = 2 * hole + (useRight ? 2 : 1);
    }
    this.#heap[hole] = entry;
  }
}

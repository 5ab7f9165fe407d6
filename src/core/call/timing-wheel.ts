/**
 * Owns many deadlines with one timer: a hierarchical timing wheel (Varghese, Lauck 1987).
 *
 * Most calls end long before their deadline, so that what has to be cheap is to set one and to drop
 * it again. A heap takes the logarithm for both, and a timer of the platform for each call costs as
 * much as the call.
 *
 * W1 To set and to drop a deadline take constant time, whatever else is set.
 * W2 Nothing is due before its time, nor later than `tickMs` after it, as far as the wheel is
 *    turned in time.
 * W3 A deadline stands on the lowest level on which it shares all higher digits with the present,
 *    so that whatever stands on a lower level is due first.
 */

/** The grain of time. */
export const tickMs = 16;
const slots = 64;
const levels = 6;

/** Something with a deadline. All fields belong to the wheel; `wheelSlot` is -1 outside of it. */
export interface Timed {
  dueTick: number;
  wheelSlot: number;
  wheelNext: Timed | null;
  wheelPrev: Timed | null;
}

/** Ticks of one slot on each level. */
const spans: readonly number[] = Array.from({ length: levels + 1 }, (_, level) => slots ** level);
const spanOf = (level: number): number => spans[level] ?? Number.POSITIVE_INFINITY;

/** Deadlines by time. */
export class TimingWheel<Item extends Timed> {
  readonly #heads: (Item | null)[] = new Array<Item | null>(slots * levels).fill(null);
  #now: number;
  #size = 0;

  /** Begins at a time in ms. */
  constructor(nowMs: number) {
    this.#now = Math.floor(nowMs / tickMs);
  }

  get size(): number {
    return this.#size;
  }

  /** Sets a deadline, in place of an earlier one. Gives the time at which to turn the wheel. */
  set(item: Item, atMs: number): number {
    this.drop(item);
    item.dueTick = Math.max(Math.ceil(atMs / tickMs), this.#now + 1);
    this.#size += 1;
    return this.#place(item) * tickMs;
  }

  /** Drops a deadline; nothing if there is none. */
  drop(item: Item): void {
    const at = item.wheelSlot;
    if (at < 0) return;
    const { wheelNext, wheelPrev } = item;
    if (wheelPrev === null) this.#heads[at] = wheelNext as Item | null;
    else wheelPrev.wheelNext = wheelNext;
    if (wheelNext !== null) wheelNext.wheelPrev = wheelPrev;
    item.wheelNext = null;
    item.wheelPrev = null;
    item.wheelSlot = -1;
    this.#size -= 1;
  }

  /** When the wheel has to be turned next, in ms; null: nothing is set. */
  nextMs(): number | null {
    const next = this.#next();
    return next === null ? null : next.tick * tickMs;
  }

  /** Turns the wheel to a time; `due` is told of what is due, which has no deadline any more. */
  turn(nowMs: number, due: (item: Item) => void): void {
    const target = Math.floor(nowMs / tickMs);
    for (;;) {
      const next = this.#next();
      if (next === null || next.tick > target) break;
      this.#now = next.tick;
      this.#empty(next.slot, due);
    }
    this.#now = Math.max(this.#now, target);
  }

  /** Whatever is due now is told, the rest goes to a lower level (W3). */
  #empty(slot: number, due: (item: Item) => void): void {
    for (let item = this.#heads[slot]; item !== null && item !== undefined; ) {
      this.drop(item);
      if (item.dueTick <= this.#now) due(item);
      else {
        this.#size += 1;
        this.#place(item);
      }
      item = this.#heads[slot];
    }
  }

  /** W3. Gives the first tick of the slot. */
  #place(item: Item): number {
    const { dueTick } = item;
    let level = 0;
    while (
      level < levels - 1 &&
      Math.floor(dueTick / spanOf(level + 1)) !== Math.floor(this.#now / spanOf(level + 1))
    ) {
      level += 1;
    }
    const begin = Math.floor(dueTick / spanOf(level));
    const slot = level * slots + (begin % slots);
    const head = this.#heads[slot] ?? null;
    item.wheelSlot = slot;
    item.wheelPrev = null;
    item.wheelNext = head;
    if (head !== null) head.wheelPrev = item;
    this.#heads[slot] = item;
    return begin * spanOf(level);
  }

  /** The first slot that holds something, and its first tick. */
  #next(): { readonly slot: number; readonly tick: number } | null {
    if (this.#size === 0) return null;
    for (let level = 0; level < levels; level += 1) {
      const digits = Math.floor(this.#now / spanOf(level));
      for (let digit = (digits % slots) + 1; digit < slots; digit += 1) {
        const slot = level * slots + digit;
        if (this.#heads[slot] === null) continue;
        return { slot, tick: (digits - (digits % slots) + digit) * spanOf(level) };
      }
    }
    return null;
  }
}

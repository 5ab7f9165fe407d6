/**
 * Owns the order in which calls that wait for a slot get one: by rank, then in the order of coming.
 * A binary heap.
 *
 * Q1 Whoever leaves is taken out at once, wherever it stands: each knows its own place.
 */

/** Somebody who waits for a slot. `slotAt` belongs to the queue: -1 outside of it. */
export interface Ranked {
  rank: number;
  order: number;
  slotAt: number;
}

const before = (a: Ranked, b: Ranked): boolean =>
  a.rank !== b.rank ? a.rank < b.rank : a.order < b.order;

/** Calls by rank. */
export class ReadyQueue<Item extends Ranked> {
  readonly #heap: Item[] = [];

  get size(): number {
    return this.#heap.length;
  }

  push(item: Item): void {
    this.#heap.push(item);
    this.#rise(item, this.#heap.length - 1);
  }

  /** Takes the first out. */
  shift(): Item | null {
    const first = this.#heap[0];
    if (first === undefined) return null;
    this.remove(first);
    return first;
  }

  /** Takes one out that may stand anywhere, or nowhere. */
  remove(item: Item): void {
    const at = item.slotAt;
    if (at < 0 || this.#heap[at] !== item) return;
    item.slotAt = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === item) return;
    this.#rise(last, at);
    if (last.slotAt === at) this.#sink(last, at);
  }

  #rise(item: Item, from: number): void {
    let hole = from;
    while (hole > 0) {
      const parentAt = (hole - 1) >> 1;
      const parent = this.#heap[parentAt];
      if (parent === undefined || !before(item, parent)) break;
      this.#put(parent, hole);
      hole = parentAt;
    }
    this.#put(item, hole);
  }

  #sink(item: Item, from: number): void {
    let hole = from;
    for (;;) {
      const left = this.#heap[2 * hole + 1];
      const right = this.#heap[2 * hole + 2];
      const child = right !== undefined && left !== undefined && before(right, left) ? right : left;
      if (child === undefined || !before(child, item)) break;
      const childAt = child.slotAt;
      this.#put(child, hole);
      hole = childAt;
    }
    this.#put(item, hole);
  }

  #put(item: Item, at: number): void {
    this.#heap[at] = item;
    item.slotAt = at;
  }
}

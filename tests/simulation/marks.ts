/**
 * Owns the count of interesting things that happened, over one world or many.
 *
 * K1 A simulation that never reaches a state proves nothing about it: the suite asks for these.
 */
import type { Counters } from '../../src/engine/counters.ts';

export class Marks {
  readonly #counts = new Map<string, number>();

  get all(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  add(what: string, count = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
  }

  /** Adds what an engine counted. */
  count(counters: Counters): void {
    for (const [what, count] of Object.entries(counters)) this.add(what, count);
  }

  addAll(other: ReadonlyMap<string, number>): void {
    for (const [what, count] of other) this.add(what, count);
  }
}

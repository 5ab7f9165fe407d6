/**
 * Owns the book of what failovers have lost: which runs are touched, and which ownerships are old
 * (see `kinds.ts`). What is not in this book is judged in full.
 */
import type { Fence } from '../../src/core/fence.ts';
import type { RunRow } from '../../src/store/verbs/tables.ts';

export class LostWindow {
  readonly #floors = new Map<string, Fence>();
  readonly #gone = new Set<string>();

  /** `floor`: the greatest fence that may have been given out so far. */
  lose(
    before: ReadonlyMap<string, RunRow>,
    after: ReadonlyMap<string, RunRow>,
    floor: Fence,
  ): void {
    for (const [id, row] of before) {
      if (after.get(id) === row) continue;
      this.#floors.set(id, floor);
      if (!after.has(id)) this.#gone.add(id);
    }
    // Pruned in what was lost, and there again.
    for (const id of after.keys()) if (!before.has(id)) this.#floors.set(id, floor);
  }

  /** Whether something that was committed about this run was lost. */
  touched(id: string): boolean {
    return this.#floors.has(id);
  }

  /** Whether a run of this id was accepted and is lost. */
  gone(id: string): boolean {
    return this.#gone.has(id);
  }

  /** Whether this ownership of a touched run is from before the failover. */
  old(id: string, fence: number): boolean {
    const floor = this.#floors.get(id);
    return floor !== undefined && fence <= floor;
  }
}

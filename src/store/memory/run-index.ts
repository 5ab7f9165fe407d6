/**
 * Owns one index over the runs: which rows are in it, and in what order.
 *
 * I1 A row is in the index exactly if it has a place there: what a partial index is in SQL.
 * I2 Looking costs the rows that are given and one way down the tree, whatever else is stored.
 */
import type { RunRow } from '../verbs/tables.ts';
import type { Journal, Part } from './journal.ts';
import { Tree } from './ordered.ts';

/**
 * A place in an index: within a part (a function, a lane, a tenant), by a number, then by
 * acceptance.
 */
export interface Place {
  readonly part: string;
  readonly at: number;
  readonly seq: number;
}

/** Infinite numbers have no difference: they count as equal and leave it to the next column. */
const compare = (a: Place, b: Place): number => {
  if (a.part !== b.part) return a.part < b.part ? -1 : 1;
  return a.at - b.at || a.seq - b.seq;
};

const below = Number.NEGATIVE_INFINITY;
const above = Number.POSITIVE_INFINITY;

/** A stretch of an index. No row stands exactly at one of its ends. */
export interface Stretch {
  readonly from: Place;
  readonly to: Place;
}

/** Everything in one part, up to and with the number `at`. */
export const upTo = (part: string, at: number = above): Stretch => ({
  from: { part, at: below, seq: below },
  to: { part, at, seq: above },
});

/** Everything in one part at one number. */
export const exactly = (part: string, at: number): Stretch => ({
  from: { part, at, seq: below },
  to: { part, at, seq: above },
});

/** Everything in one part before one place. */
export const upToPlace = (part: string, at: number, seq: number): Stretch => ({
  from: { part, at: below, seq: below },
  to: { part, at, seq },
});

/** An index. `placeOf` says where a row stands, or null if it is not in it. */
export class RunIndex implements Part {
  readonly placeOf: (row: RunRow) => Place | null;
  readonly #journal: Journal;
  #tree = new Tree<Place, undefined>(undefined, compare);

  constructor(journal: Journal, placeOf: (row: RunRow) => Place | null) {
    this.#journal = journal;
    this.placeOf = placeOf;
    journal.enrol(this);
  }

  get size(): number {
    return this.#tree.size;
  }

  /** Follows a change of a row; undefined where it is not there before, or not any more. */
  follow(before: RunRow | undefined, after: RunRow | undefined): void {
    const left = before === undefined ? null : this.placeOf(before);
    const taken = after === undefined ? null : this.placeOf(after);
    if (left !== null && taken !== null && compare(left, taken) === 0) return;
    if (left !== null) {
      this.#tree.delete(left);
      this.#journal.note(() => this.#tree.set(left, undefined));
    }
    if (taken !== null) {
      this.#tree.set(taken, undefined);
      this.#journal.note(() => this.#tree.delete(taken));
    }
  }

  has(place: Place): boolean {
    return this.#tree.has(place);
  }

  /** The first place of a stretch. */
  first({ from, to }: Stretch): Place | undefined {
    const next = this.#tree.nextHigherKey(from);
    return next !== undefined && compare(next, to) < 0 ? next : undefined;
  }

  /** The sequence numbers of a stretch, in order, at most `rowsMax`. */
  seqs({ from, to }: Stretch, rowsMax: number): number[] {
    if (rowsMax <= 0) return [];
    // The tree stops only after one more than it was asked for.
    return this.#tree.getRange(from, to, false, rowsMax - 1).map(([place]) => place.seq);
  }

  /** How many there are in a stretch, counted up to `atMost`. */
  count({ from, to }: Stretch, atMost: number = above): number {
    if (atMost <= 0) return 0;
    let counted = 0;
    for (const place of this.#tree.keys(from)) {
      if (compare(place, to) >= 0) break;
      counted += 1;
      if (counted >= atMost) break;
    }
    return counted;
  }

  /** The first part that has a row, after `part`. */
  partAfter(part: string): string | undefined {
    return this.#tree.nextHigherKey({ part, at: above, seq: above })?.part;
  }

  copy(): () => void {
    const kept = this.#tree.clone();
    return () => {
      this.#tree = kept.clone();
    };
  }
}

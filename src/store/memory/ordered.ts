/**
 * Owns the one container in which the memory store keeps its rows: a map in order of its keys, with
 * undo.
 *
 * It is a B+ tree (sorted-btree): the order makes pages cheap, and a copy costs nothing until one
 * of the two changes, which is what snapshots need.
 *
 * O1 Values are never changed in place: to change one is to put another.
 */
import sortedBTree from 'sorted-btree';
import type { Journal, Part } from './journal.ts';

/** A tree of the library, which is CommonJS with its class as `default`. */
export const Tree = sortedBTree.default;
type TreeOf<K, V> = InstanceType<typeof Tree<K, V>>;

const byNumber = (a: number, b: number): number => a - b;

/** The order of UTF-16 units. */
const byText = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

/** Rows by number or by text. */
export class Ordered<K, V> implements Part {
  readonly #journal: Journal;
  readonly #compare: (a: K, b: K) => number;
  #tree: TreeOf<K, V>;

  private constructor(journal: Journal, compare: (a: K, b: K) => number) {
    this.#journal = journal;
    this.#compare = compare;
    this.#tree = new Tree<K, V>(undefined, compare);
    journal.enrol(this);
  }

  static byNumber<K extends number, V>(journal: Journal): Ordered<K, V> {
    return new Ordered<K, V>(journal, byNumber);
  }

  static byText<V>(journal: Journal): Ordered<string, V> {
    return new Ordered<string, V>(journal, byText);
  }

  get size(): number {
    return this.#tree.size;
  }

  get(key: K): V | undefined {
    return this.#tree.get(key);
  }

  /** Keeps a value, in place of the one before if there is one. */
  put(key: K, value: V): void {
    const before = this.#tree.get(key);
    this.#tree.set(key, value);
    this.#journal.note(() => {
      if (before === undefined) this.#tree.delete(key);
      else this.#tree.set(key, before);
    });
  }

  /** Takes a value away; false when there is none. */
  drop(key: K): boolean {
    const before = this.#tree.get(key);
    if (before === undefined) return false;
    this.#tree.delete(key);
    this.#journal.note(() => this.#tree.set(key, before));
    return true;
  }

  /** Values in order of their keys, from the first key after `key` (or from the beginning). */
  *after(key?: K): IterableIterator<V> {
    for (const [at, value] of this.#tree.entries(key)) {
      if (at !== key) yield value;
    }
  }

  /** Values in order of their keys, from the first key after `from` to the last before `end`. */
  *between(from: K, end: K): IterableIterator<V> {
    for (const [at, value] of this.#tree.entries(from)) {
      if (this.#compare(at, end) >= 0) return;
      if (at !== from) yield value;
    }
  }

  /** The first of `between`. */
  firstAfter(from: K, end: K): V | undefined {
    for (const value of this.between(from, end)) return value;
    return undefined;
  }

  /** The keys in their order. */
  keys(): IterableIterator<K> {
    return this.#tree.keys();
  }

  /** Values in reverse order, from the first key before `key` (or from the end). */
  *before(key?: K): IterableIterator<V> {
    for (const [, value] of this.#tree.entriesReversed(key, undefined, true)) yield value;
  }

  copy(): () => void {
    const kept = this.#tree.clone();
    return () => {
      this.#tree = kept.clone();
    };
  }
}

/** One value with undo. */
export class Cell<V> implements Part {
  readonly #journal: Journal;
  #value: V;

  constructor(journal: Journal, value: V) {
    this.#journal = journal;
    this.#value = value;
    journal.enrol(this);
  }

  get value(): V {
    return this.#value;
  }

  set value(value: V) {
    const before = this.#value;
    if (value === before) return;
    this.#value = value;
    this.#journal.note(() => {
      this.#value = before;
    });
  }

  copy(): () => void {
    const kept = this.#value;
    return () => {
      this.#value = kept;
    };
  }
}

/**
 * Owns the order in which the code of an attempt is given the ends of its steps: that of `nth`.
 *
 * Y1 Ends are given one after the other, without a gap: an end by others that is not known yet
 *    comes first, as it will in every later attempt.
 * Y2 What was given once is not given again.
 */

/** Ends by their numbers, from 1. */
export class Order<End> {
  readonly #ends = new Map<number, End>();
  #seen = 0;
  #greatest = 0;

  /** The number of the last end that was given. */
  get seen(): number {
    return this.#seen;
  }

  /** The greatest number of an end that is known. */
  get greatest(): number {
    return this.#greatest;
  }

  /** An end is known. */
  learn(nth: number, end: End): void {
    if (nth <= this.#seen) return;
    this.#ends.set(nth, end);
    this.#greatest = Math.max(this.#greatest, nth);
  }

  /** The end whose turn it is; `missing`: there is one that is not known; null: there is none. */
  next(): End | 'missing' | null {
    if (this.#seen >= this.#greatest) return null;
    return this.#ends.get(this.#seen + 1) ?? 'missing';
  }

  /** The end whose turn it is was given, or passed over. */
  pass(): void {
    this.#seen += 1;
    this.#ends.delete(this.#seen);
  }
}

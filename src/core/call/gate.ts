/**
 * Owns a gate: so many calls at once hold a place behind it, the others wait in the order of their
 * coming. A lane, the concurrency of a function and the limit of a tenant are gates.
 *
 * G1 Nobody is let in while `width` or more hold a place. It may change; whoever is in stays.
 * G2 Whoever waits stands in a list through itself: to wait, to leave and to be let in cost the
 *    same however many wait.
 */

/** Somebody who passes gates. `next` and `prev` belong to the gate that it waits at. */
export interface Passer {
  next: Passer | null;
  prev: Passer | null;
  /** The gate that it waits at, or null. */
  waitsAt: Gate | null;
}

/** A gate. */
export class Gate {
  readonly key: string;
  width: number;
  held = 0;
  waiting = 0;
  /** Holders whose call is over while their code goes on. */
  lingering = 0;
  /** Nobody new is let to wait here: a holder has ignored for too long that its call is over. */
  quarantined = false;
  /** Whoever keeps gates has noted that this one may be forgotten. */
  resting = false;
  #first: Passer | null = null;
  #last: Passer | null = null;

  constructor(key: string, width: number) {
    this.key = key;
    this.width = width;
  }

  /** Nobody holds a place, and nobody waits for one. */
  get idle(): boolean {
    return this.held === 0 && this.waiting === 0;
  }

  /** Takes a place, or false: there is none, or others were first. */
  enter(): boolean {
    if (this.held >= this.width || this.#first !== null) return false;
    this.held += 1;
    return true;
  }

  /** Stands in line. */
  wait(passer: Passer): void {
    passer.waitsAt = this;
    passer.prev = this.#last;
    passer.next = null;
    if (this.#last === null) this.#first = passer;
    else this.#last.next = passer;
    this.#last = passer;
    this.waiting += 1;
  }

  /** Leaves the line. */
  leave(passer: Passer): void {
    if (passer.waitsAt !== this) return;
    if (passer.prev === null) this.#first = passer.next;
    else passer.prev.next = passer.next;
    if (passer.next === null) this.#last = passer.prev;
    else passer.next.prev = passer.prev;
    passer.next = null;
    passer.prev = null;
    passer.waitsAt = null;
    this.waiting -= 1;
  }

  /** Gives a place back. */
  free(): void {
    this.held -= 1;
  }

  /** Lets the first in line in, if there is a place; null: nobody, or none. */
  admit(): Passer | null {
    const first = this.#first;
    if (first === null || this.held >= this.width) return null;
    this.leave(first);
    this.held += 1;
    return first;
  }
}

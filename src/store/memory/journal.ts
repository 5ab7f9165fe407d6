/**
 * Owns what makes transactions out of plain changes in memory: how to undo each, and how to keep
 * all.
 *
 * J1 Every part of the store notes how to undo a change when it makes one. Rolling back undoes the
 *    latest first, so that each part finds itself as it was.
 * J2 A copy is of everything at one moment between two transactions, and may be put back many
 *    times.
 */

/** Something that holds a part of the store's state. */
export interface Part {
  /**
   * Keeps the state as it is now. What it gives puts that state back, each time that it is called.
   */
  copy(): () => void;
}

/** The state of a whole store at one moment. Only the store that gave it can take it back. */
export interface Snapshot {
  putBack(): void;
}

/** Notes of one transaction, over all parts of one store. */
export class Journal {
  readonly #parts: Part[] = [];
  #undo: (() => void)[] = [];

  /** Makes a part's state a state of the store. */
  enrol(part: Part): void {
    this.#parts.push(part);
  }

  /** Notes how to undo the change that was just made. */
  note(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** Lets the changes stand. */
  commit(): void {
    this.#undo = [];
  }

  /** Takes every change since the last commit back. */
  rollBack(): void {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) undo();
  }

  /** Between two transactions only. */
  snapshot(): Snapshot {
    const putBack = this.#parts.map((part) => part.copy());
    return {
      putBack: () => {
        for (const one of putBack) one();
      },
    };
  }
}

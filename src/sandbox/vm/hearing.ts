/**
 * Owns the ear of a link: words that come before anybody listens are kept in order.
 *
 * H1 There is one listener at a time; the newest one hears what comes from then on.
 */
import type { VmWord } from './wire.ts';

/** Words of one VM on their way to whoever listens. */
export class Hearing {
  #early: VmWord[] = [];
  #listener: ((word: VmWord) => void) | null = null;

  hear(word: VmWord): void {
    if (this.#listener === null) this.#early.push(word);
    else this.#listener(word);
  }

  listen(listener: (word: VmWord) => void): void {
    this.#listener = listener;
    const early = this.#early;
    this.#early = [];
    for (const word of early) listener(word);
  }
}

/**
 * Owns the merging of short calls: those that leave in one turn travel together.
 *
 * C1 Each call is a transaction of its own; they are sent at once over one connection, executed in
 *    their order, and made durable by one wait for the disk.
 * C2 They leave when the turn ends. While `sendingMax` bundles are under way the next ones gather.
 * C3 A large call that the server can execute beside the others (`beside`) leaves over a connection
 *    of its own, at the same moment.
 * C4 A call that the server refuses fails alone. When the connection breaks, all of a bundle end
 *    unknown.
 */
import type { Pool } from './pool.ts';
import type { Answer, Flush } from './queries.ts';

/** Bundles under way at once: while one waits for the disk, the next is executed. */
const sendingMax = 2;

/** What holds of one call. */
export interface ShortTerms {
  /** It resolves when what was done is on the disk; `if-handed`: where there is any need. */
  readonly flush: Flush;
  /** It is large, and the server executes it beside those that leave with it. */
  readonly beside?: boolean;
}

/** What a call gave, and whether it is durable already. */
export interface ShortAnswer<T> {
  readonly value: T;
  readonly durable: boolean;
}

interface Waiting {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly terms: ShortTerms;
  readonly resolve: (answer: ShortAnswer<unknown>) => void;
  readonly reject: (error: unknown) => void;
}

/** The short calls of one store. */
export class ShortCalls {
  readonly #pool: Pool;
  #waiting: Waiting[] = [];
  #sending = 0;
  #scheduled = false;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Asks for the column `value`. */
  ask<T>(text: string, values: readonly unknown[], terms: ShortTerms): Promise<ShortAnswer<T>> {
    return new Promise((resolve, reject) => {
      const answered = resolve as (answer: ShortAnswer<unknown>) => void;
      this.#waiting.push({ text, values, terms, resolve: answered, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#sending >= sendingMax || this.#waiting.length === 0) return;
    this.#scheduled = true;
    // From within promises this comes after all of them: the end of the turn.
    process.nextTick(() => {
      this.#scheduled = false;
      const bundle = this.#waiting;
      this.#waiting = [];
      const beside = bundle.filter(({ terms }) => terms.beside === true);
      if (beside.length > 0 && beside.length < bundle.length) {
        void this.#send(beside);
        void this.#send(bundle.filter(({ terms }) => terms.beside !== true));
      } else if (bundle.length > 0) void this.#send(bundle);
    });
  }

  async #send(bundle: readonly Waiting[]): Promise<void> {
    this.#sending += 1;
    const has = (flush: Flush): boolean => bundle.some(({ terms }) => terms.flush === flush);
    const flush = has('yes') ? 'yes' : has('if-handed') ? 'if-handed' : 'no';
    let answers: readonly Answer[];
    try {
      answers = await this.#pool.write((queries) => queries.together(bundle, flush));
    } catch (error) {
      answers = bundle.map(() => ({ ok: false, error }));
    }
    this.#sending -= 1;
    for (const [at, call] of bundle.entries()) {
      const answer = answers[at];
      if (answer?.ok === true) call.resolve({ value: answer.value, durable: flush !== 'no' });
      else call.reject(this.#pool.fault(answer?.error));
    }
    this.#schedule();
  }
}

/**
 * Owns the merging of short calls: those that leave in one turn travel together.
 *
 * C1 Each call is a transaction of its own; they are sent at once over one connection, executed in
 *    their order, and made durable by one wait for the disk.
 * C2 They leave when the turn ends. While `sendingMax` bundles are under way the next ones gather.
 * C3 A call that the server refuses fails alone. When the connection breaks, all of a bundle end
 *    unknown.
 */
import type { Pool } from './pool.ts';
import type { Answer } from './queries.ts';

/** Bundles under way at once: while one waits for the disk, the next is executed. */
const sendingMax = 2;

/** What a call gave, and whether it is durable already. */
export interface ShortAnswer<T> {
  readonly value: T;
  readonly durable: boolean;
}

interface Waiting {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly durable: boolean;
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

  /** Asks for the column `value`. `durable`: resolves when what was done is on the disk. */
  ask<T>(text: string, values: readonly unknown[], durable: boolean): Promise<ShortAnswer<T>> {
    return new Promise((resolve, reject) => {
      const answered = resolve as (answer: ShortAnswer<unknown>) => void;
      this.#waiting.push({ text, values, durable, resolve: answered, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#sending >= sendingMax || this.#waiting.length === 0) return;
    this.#scheduled = true;
    // From within promises this comes after all of them: the end of the turn.
    process.nextTick(() => {
      this.#scheduled = false;
      void this.#send();
    });
  }

  async #send(): Promise<void> {
    const bundle = this.#waiting;
    if (bundle.length === 0) return;
    this.#waiting = [];
    this.#sending += 1;
    const durable = bundle.some((call) => call.durable);
    let answers: readonly Answer[];
    try {
      answers = await this.#pool.write((queries) => queries.together(bundle, durable));
    } catch (error) {
      answers = bundle.map(() => ({ ok: false, error }));
    }
    this.#sending -= 1;
    for (const [at, call] of bundle.entries()) {
      const answer = answers[at];
      if (answer?.ok === true) call.resolve({ value: answer.value, durable });
      else call.reject(this.#pool.fault(answer?.error));
    }
    this.#schedule();
  }
}

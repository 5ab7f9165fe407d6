/**
 * Owns the late word inside a worker: successes, and ends of steps, in the name of attempts that
 * are over, sent straight to the store, as a queue or a network may bring them at any later time.
 * The engine keeps back what it knows to be late; the store has to refuse it from whomever it
 * comes.
 *
 * S1 What is sent is true, or it names an ownership that has ended for certain: its own end has a
 *    verdict, by which the run went back into the queue.
 * S2 It is in the ledger like the words of the engine.
 */
import type { SeededRandom } from '../../src/testing/index.ts';
import type { ClaimedLine, SentEnd, SentSteps } from './ledger.ts';
import { pause } from './pause.ts';

/** Longer than a retry waits, shorter than the work of whoever has taken over. */
const lateMsMax = 1_500;
const wordsEach = 2;

type Send = (word: SentEnd) => Promise<void>;
type Keep = (word: SentSteps & { readonly attempt: number }) => Promise<void>;

/** A step that no program has. */
export const lateKey = 'step/late';

/** Whoever in a worker speaks too late. */
export class Straggler {
  readonly #random: SeededRandom;
  /** By `run/fence`. */
  readonly #claimed = new Map<string, ClaimedLine>();
  #send: Send = async () => {};
  #keep: Keep = async () => {};

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** From now on words go this way: ends of runs, and of steps. */
  through(send: Send, keep: Keep): void {
    this.#send = send;
    this.#keep = keep;
  }

  claimed(runs: readonly ClaimedLine[]): void {
    for (const run of runs) this.#claimed.set(`${run.id}/${run.fence}`, run);
  }

  /** The handler went on after it was told to stop, and has returned. */
  returned(id: string, fence: number): void {
    const run = this.#claimed.get(`${id}/${fence}`);
    if (run === undefined) return;
    const { seq, attempt } = run;
    this.#say({ id, seq, fence, ...success(JSON.stringify({ fence, attempt })) });
  }

  /** By this end the run went back into the queue. */
  wentBack({ id, seq, fence }: SentEnd): void {
    if (id === null) return;
    for (let left = wordsEach; left > 0; left -= 1) {
      this.#say({ id, seq, fence, ...success('"too late"') });
    }
    const attempt = this.#claimed.get(`${id}/${fence}`)?.attempt;
    if (attempt === undefined) return;
    const ends = [{ key: lateKey, how: 'returned', value: '"too late"' }];
    const late = this.#later().then(() => this.#keep({ id, seq, fence, attempt, ends }));
    late.catch(() => {});
  }

  #say(word: SentEnd): void {
    const late = this.#later().then(() => this.#send(word));
    // What became of it is in the ledger.
    late.catch(() => {});
  }

  #later(): Promise<void> {
    return pause(this.#random.int(lateMsMax));
  }
}

const success = (result: string) => ({ how: 'succeeded', result, failure: null }) as const;

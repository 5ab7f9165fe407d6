/**
 * Owns one round: A takes the job and is frozen, B takes it over, A is woken and returns, B
 * returns. Everything that is seen is written down; nothing is judged.
 *
 * R1 B is at work, and idle, before A is frozen, so that the time until it has the job is the
 *    system's recovery and nothing else.
 * R2 A is frozen between transactions (see ground.ts).
 * R3 After A returned, the job is watched for longer than a late write takes, on a loaded machine
 *    too: for a time, for a number of looks, and until A answers. B is told to return only then, so
 *    whatever is over before was over while B ran.
 * R4 Every wait has a bound.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Desk, entryOf, type System } from './contender.ts';
import { insideTransaction } from './ground.ts';
import type { Actor, History, Manner, Moment, Sight } from './history.ts';
import { Owner } from './owner.ts';
import type { Word } from './worker-words.ts';

/** For what takes a moment on a quiet machine: loading a system is the longest. */
const STEP_MS_MAX = 60_000;
/** R3. */
const WATCH_MS = 1_500;
const WATCH_LOOKS = 10;
const LOOK_MS = 50;
/** For the next owner's own result. */
const END_MS_MAX = 60_000;
/** A result that is there has to stay as it is for so long. */
const SETTLE_MS = 500;
const FREEZES_MAX = 50;
/** What a process says from the freeze on is kept up to here. */
const WORDS_MAX = 8;
const WORDS_CHARS_MAX = 200;

export interface RoundTerms {
  readonly system: System;
  readonly url: string;
  readonly desk: Desk;
  readonly manner: Manner;
  /** Overrides how long the system's own recovery is waited for. */
  readonly recoveryMsMax: number;
}

/** Plays one. Rejects when the test itself could not be done. */
export async function playRound(terms: RoundTerms): Promise<History> {
  const round = new Round(terms);
  try {
    await round.play();
    return { system: terms.system, manner: terms.manner, moments: round.moments };
  } finally {
    await round.clear();
  }
}

class Round {
  readonly moments: Moment[] = [];
  readonly #terms: RoundTerms;
  readonly #startedAt = performance.now();
  readonly #a: Owner;
  readonly #b: Owner;
  readonly #words = { A: 0, B: 0 };
  #frozen = false;
  #job = '';

  constructor(terms: RoundTerms) {
    this.#terms = terms;
    this.#a = this.#owner('A');
    this.#b = this.#owner('B');
  }

  async play(): Promise<void> {
    const { desk, manner } = this.#terms;
    await this.#open(this.#a);
    this.#job = await desk.start();
    await this.#a.mustSay('begun', STEP_MS_MAX);
    await this.#open(this.#b);
    if (manner === 'computing') {
      this.#a.tell('compute');
      await this.#a.mustSay('computing', STEP_MS_MAX);
    }
    await this.#freeze();
    if (!(await this.#recovered())) {
      await this.#look();
      return;
    }
    await this.#look();
    if (manner === 'computing') this.#a.release();
    else this.#a.tell('return');
    this.#note({ what: 'woken' });
    this.#a.wake();
    await this.#a.mustSay('returned', STEP_MS_MAX);
    await this.#watchLateWrite();
    this.#b.tell('return');
    await this.#b.mustSay('returned', STEP_MS_MAX);
    await this.#watch({ ms: END_MS_MAX, looks: 1 });
    await sleep(SETTLE_MS);
    await this.#look();
  }

  async clear(): Promise<void> {
    await Promise.all([this.#a.kill(), this.#b.kill()]);
  }

  #owner(actor: Actor): Owner {
    const { system, url } = this.#terms;
    return new Owner({ system, url, actor }, (word) => this.#hear(actor, word));
  }

  async #open(owner: Owner): Promise<void> {
    await owner.mustSay('loaded', STEP_MS_MAX);
    owner.tell('work');
    await owner.mustSay('ready', STEP_MS_MAX);
  }

  #hear(actor: Actor, word: Word): void {
    if (word.said === 'begun' || word.said === 'returned') {
      this.#note({ what: word.said, actor, by: word.by });
    } else if (word.said === 'words' && this.#frozen && this.#words[actor] < WORDS_MAX) {
      this.#words[actor] += 1;
      this.#note({ what: 'said', actor, words: word.words.slice(0, WORDS_CHARS_MAX) });
    }
  }

  /** R2. */
  async #freeze(): Promise<void> {
    const { system, url } = this.#terms;
    for (let left = FREEZES_MAX; left > 0; left -= 1) {
      await this.#a.freeze();
      if (!(await insideTransaction(entryOf(system).ground, url))) {
        this.#frozen = true;
        this.#note({ what: 'frozen' });
        return;
      }
      this.#a.wake();
      await sleep(LOOK_MS);
    }
    throw new Error(`${system}: somebody was in a transaction at every freeze`);
  }

  /** Whether B has the job, by the system's own doing or, failing that, an operator's. */
  async #recovered(): Promise<boolean> {
    const { desk, recoveryMsMax } = this.#terms;
    if (await this.#b.said('begun', recoveryMsMax)) return true;
    if (desk.unlock === undefined) return false;
    this.#note({ what: 'unlocked' });
    await desk.unlock(this.#job);
    return this.#b.said('begun', STEP_MS_MAX);
  }

  /** R3. */
  async #watchLateWrite(): Promise<void> {
    if (await this.#watch({ ms: WATCH_MS, looks: WATCH_LOOKS })) return;
    this.#a.tell('echo');
    await this.#a.mustSay('echo', STEP_MS_MAX);
    await this.#watch({ ms: 0, looks: WATCH_LOOKS });
  }

  /** Looks until the job is over, or for so long and so many times. Says whether it is over. */
  async #watch(least: { readonly ms: number; readonly looks: number }): Promise<boolean> {
    const startedAt = performance.now();
    for (let looks = 1; ; looks += 1) {
      const { state } = await this.#look();
      if (state !== 'running' && state !== 'waiting') return true;
      if (looks >= least.looks && performance.now() - startedAt > least.ms) return false;
      await sleep(LOOK_MS);
    }
  }

  async #look(): Promise<Sight> {
    const sight = await this.#terms.desk.look(this.#job);
    const last = this.moments.at(-1);
    const same = last?.what === 'seen' && last.state === sight.state && last.by === sight.by;
    if (!same) this.#note({ what: 'seen', ...sight });
    return sight;
  }

  #note(what: Parameters<typeof withTime>[0]): void {
    this.moments.push(withTime(what, Math.round(performance.now() - this.#startedAt)));
  }
}

type Timeless<One> = One extends Moment ? Omit<One, 'atMs'> : never;

function withTime(what: Timeless<Moment>, atMs: number): Moment {
  return { atMs, ...what };
}

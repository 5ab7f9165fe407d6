/**
 * Owns what a run declares of itself, as the code of one attempt sees it.
 *
 * D1 What the code gets is what it set last, in this attempt or in an earlier one. What earlier
 *    ones left is read once, when it is first asked for: nobody else writes it meanwhile.
 * D2 A fault of the store is waited out for as long as the attempt lasts.
 */

import { checkKey } from '../core/check.ts';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { Notes, Pad } from './notes.ts';
import { mayPass } from './passing.ts';
import type { World } from './world.ts';

/** What a run says of itself while it goes on. */
export interface DeclaredState {
  /**
   * Declares a value under a name; the last one counts, and is kept before the next step is. Anyone
   * who may look at the run sees it: `hf.runs.state(id)`. Throws `payload.too_large`, `key.invalid`
   * and `state.full`.
   *
   * @example
   * ctx.state.set('stage', { name: 'encode', percent: 40 });
   */
  set(name: string, value: unknown): void;
  /** What was set last under a name, by this attempt or an earlier one; null: nothing. */
  get<Value = unknown>(name: string): Promise<Value | null>;
}

/** The attempt whose state it is. */
export interface StateHost {
  readonly world: World;
  readonly notes: Notes;
  /** Null once the attempt has its end: nothing is kept any more. */
  openPad(): Pad | null;
  readonly isOver: boolean;
}

const retryMs = 100;

/** The state of one run, for one attempt. */
export class AttemptState implements DeclaredState {
  readonly #host: StateHost;
  readonly #run: { readonly id: string; readonly attempt: number };
  readonly #own = new Map<string, string>();
  #earlier: Promise<ReadonlyMap<string, string>> | null = null;

  constructor(host: StateHost, run: { readonly id: string; readonly attempt: number }) {
    this.#host = host;
    this.#run = run;
  }

  readonly set = (name: string, value: unknown): void => {
    const { world, notes } = this.#host;
    checkKey('the name of a state', name, limits.keyCharsMax);
    if (!this.#own.has(name) && this.#own.size >= limits.stateNamesMax) {
      const message = `a run may declare ${limits.stateNamesMax} names of state, and has`;
      throw new HoldfastError('state.full', message, { details: { name } });
    }
    const text = world.payloads.text(value, limits.stateBytesMax, `the state '${name}'`);
    const pad = this.#host.openPad();
    if (pad === null) return;
    this.#own.set(name, text);
    notes.state(pad, name, text);
  };

  readonly get = async <Value = unknown>(name: string): Promise<Value | null> => {
    checkKey('the name of a state', name, limits.keyCharsMax);
    const own = this.#own.get(name);
    const text = own ?? (await this.#left()).get(name);
    if (text === undefined) return null;
    return this.#host.world.payloads.read(text) as Value;
  };

  /** D1 */
  #left(): Promise<ReadonlyMap<string, string>> {
    if (this.#run.attempt === 1) return Promise.resolve(new Map());
    this.#earlier ??= this.#read();
    return this.#earlier;
  }

  /** D2 */
  async #read(): Promise<ReadonlyMap<string, string>> {
    const { clock, store } = this.#host.world;
    for (;;) {
      try {
        const rows = (await store.state(this.#run.id)) ?? [];
        return new Map(rows.map(({ name, value }) => [name, value]));
      } catch (error) {
        if (!mayPass(error) || this.#host.isOver) throw error;
        await new Promise<void>((resolve) => clock.after(retryMs, resolve));
      }
    }
  }
}

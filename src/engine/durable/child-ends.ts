/**
 * Owns what the code of a parent is given of its children, once they are over.
 *
 * E1 What they gave is kept with them and read when it is asked for: an outcome never changes, so
 *    that later attempts are given the same.
 * E2 While something is read the attempt does nothing else: the code is about to go on.
 * E3 A fault of the store is waited out for as long as the attempt lasts.
 * E4 While its parent is unfinished a child is kept. So one that is not there was lost in a
 *    failover, and the run is executed again by what is left; but that of a fork's first run may be
 *    pruned.
 */
import { ChildError } from '../../core/durable/child-error.ts';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { ChildRow, ChildrenAsk, ChildrenPage } from '../../ports/store-family.ts';
import type { RunEnd } from '../../ports/store-reads.ts';
import type { ClaimedRun } from '../../ports/store-runs.ts';
import { mayPass } from '../passing.ts';
import { unreadableEnd } from '../unreadable.ts';
import type { World } from '../world.ts';
import type { Child, ChildOutcome, Children } from './child-words.ts';
import type { Durable } from './durable.ts';

const retryMsMin = 20;
const retryMsMax = 1_000;
/** Children whose results are read at once. */
const pageRows = 200;

/** A promise that nobody listens to brings no process down. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Which children: those that a run, or the one that it was forked from, started together. */
export interface ChildrenOf {
  readonly of: string;
  readonly group: string;
  readonly count: number;
}

/** How many of them succeeded, and how many did not. Stored format. */
export interface ChildTally {
  readonly succeeded: number;
  readonly failed: number;
}

/** Reads what children gave, for one attempt. */
export class ChildEnds {
  readonly #world: World;
  readonly #durable: Durable;
  readonly #forked: boolean;

  constructor(world: World, durable: Durable, { retryOf }: Pick<ClaimedRun, 'retryOf'>) {
    this.#world = world;
    this.#durable = durable;
    this.#forked = retryOf !== null;
  }

  /** A handle; `over` resolves when the child has ended, and is called when that is asked for. */
  handle<Output>(id: string, over: () => Promise<unknown>): Child<Output> {
    let ended: Promise<RunEnd> | null = null;
    const end = (): Promise<RunEnd> => {
      ended ??= quiet(over().then(() => this.#endOf(id)));
      return ended;
    };
    return {
      id,
      outcome: () => quiet(end().then(({ outcome }) => outcome)),
      result: () => quiet(end().then((one) => this.#valueOf<Output>(one))),
    };
  }

  /** All of a group, when they have ended. */
  group<Output>(which: ChildrenOf, { succeeded, failed }: ChildTally): Children<Output> {
    const { count } = which;
    return {
      ...{ count, succeeded, failed },
      outcomes: () => this.#outcomes<Output>(which),
      values: () => quiet(this.#values<Output>(which)),
    };
  }

  async tally(which: ChildrenOf): Promise<ChildTally> {
    let succeeded = 0;
    for await (const { outcome } of this.#rows(which, false, limits.childPageRowsMax)) {
      if (outcome?.kind === 'succeeded') succeeded += 1;
    }
    return { succeeded, failed: which.count - succeeded };
  }

  async *#outcomes<Output>(which: ChildrenOf): AsyncGenerator<ChildOutcome<Output>, void, void> {
    const read = <T>(work: () => Promise<T>): Promise<T> => this.#durable.aside(work);
    for await (const { index, id, outcome, result } of this.#rows(which, true, pageRows, read)) {
      if (outcome?.kind !== 'succeeded') {
        yield { index, id, outcome: outcome ?? unknownOutcome, value: null };
        continue;
      }
      const value = await this.#valueOf<Output>({ id, outcome, result });
      yield { index, id, outcome, value };
    }
  }

  async #values<Output>(which: ChildrenOf): Promise<Output[]> {
    if (which.count > limits.childValuesMax) {
      const message =
        `${which.count} results are more than values() holds at once ` +
        `(${limits.childValuesMax}); go through outcomes()`;
      throw new HoldfastError('children.full', message);
    }
    const values: Output[] = [];
    for await (const { id, outcome, value } of this.#outcomes<Output>(which)) {
      if (outcome.kind !== 'succeeded') throw new ChildError(id, outcome);
      values.push(value as Output);
    }
    return values;
  }

  async *#rows(
    { of: id, group, count }: ChildrenOf,
    results: boolean,
    rowsMax: number,
    by: <T>(work: () => Promise<T>) => Promise<T> = (work) => work(),
  ): AsyncGenerator<ChildRow, void, void> {
    const { store } = this.#world;
    let after: number | null = null;
    let seen = 0;
    do {
      const ask: ChildrenAsk = { id, group, after, rowsMax, results };
      const page: ChildrenPage | null = await by(() => this.#patiently(() => store.children(ask)));
      const { children, next }: ChildrenPage = page ?? { children: [], next: null };
      yield* children;
      seen += children.length;
      after = next;
    } while (after !== null);
    if (seen < count) await this.#gone(id);
  }

  /** E4 */
  #gone(id: string): Promise<never> {
    if (this.#forked) return Promise.reject(notKept(id));
    this.#durable.endBy({ how: 'handed-back', begun: true });
    return new Promise(() => {});
  }

  /** The wait is over, so that its end is there; but a read may lag behind for a moment. */
  #endOf(id: string): Promise<RunEnd> {
    return this.#durable.aside(async () => {
      for (;;) {
        const { ended, unknown } = await this.#patiently(() => this.#world.store.ends([id]));
        const [end] = ended;
        if (end !== undefined) return end;
        if (unknown.length > 0) return this.#gone(id);
        await this.#pause(retryMsMin);
      }
    });
  }

  /** What cannot be read here ends the attempt; nothing is given then. */
  #valueOf<Output>({ id, outcome, result }: RunEnd): Promise<Output> {
    if (outcome.kind !== 'succeeded') return Promise.reject(new ChildError(id, outcome));
    try {
      const value = result === null ? null : this.#world.payloads.read(result);
      return Promise.resolve(value as Output);
    } catch (error) {
      const end = unreadableEnd(error);
      if (end === null) return Promise.reject(error);
      this.#durable.endBy(end);
      return new Promise(() => {});
    }
  }

  /** E3 */
  async #patiently<T>(read: () => Promise<T>): Promise<T> {
    for (let retryMs = retryMsMin; ; retryMs = Math.min(retryMs * 2, retryMsMax)) {
      try {
        return await read();
      } catch (error) {
        if (!mayPass(error) || !this.#durable.isOpen) throw error;
        await this.#pause(retryMs);
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world.clock.after(ms, resolve);
    });
  }
}

/** Only a store that lost something says so of a child that is over. */
const unknownOutcome: Outcome = {
  kind: 'lost',
  error: { code: 'run.not_found', message: 'nothing is kept of its end' },
};

const notKept = (id: string): HoldfastError =>
  new HoldfastError('run.not_found', `run '${id}' is not kept any more`, { details: { id } });

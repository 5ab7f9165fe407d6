/**
 * Owns the starting of children: runs made from what the code gives, accepted once each.
 *
 * C1 The id of a child follows from its parent, its group and its index there: whoever starts it a
 *    second time, after a crash, finds the first.
 * C2 Inputs are taken from their source as they are needed, a batch at a time, and each once: what
 *    is tried again is the acceptance of a batch.
 * C3 A fault of the store is waited out for as long as the attempt lasts. A store or tenant that is
 *    full is asked again as often as the retry policy of the run says.
 */
import { createHash } from 'node:crypto';
import { digestOf } from '../../core/digest.ts';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import { nextTry } from '../../core/retry.ts';
import type { ChildClose } from '../../ports/store-family.ts';
import type { ClaimedRun, StartItem, StartVerdict } from '../../ports/store-runs.ts';
import { mayPass } from '../passing.ts';
import type { World } from '../world.ts';
import type { ChildOptions } from './child-words.ts';
import type { StepContext } from './words.ts';

/** What a child is started with, beside its input: what its parent says, and passes on. */
export interface ChildTerms extends Omit<ChildOptions, 'name' | 'close'> {
  readonly tenant: string;
  readonly traceparent?: string;
}

/** Makes a run of a definition, or of a name. Rejects with what is wrong about it. */
export type ChildMaker = (
  fn: unknown,
  input: unknown,
  terms: ChildTerms,
) => StartItem | Promise<StartItem>;

/** What starting children takes. */
export interface ChildStarts {
  readonly make: ChildMaker;
  readonly send: (items: readonly StartItem[]) => Promise<readonly StartVerdict[]>;
}

/** Children that are to be started together. */
export interface ChildGroup {
  readonly name: string;
  readonly fn: unknown;
  readonly close: ChildClose;
  readonly terms: ChildTerms;
}

const retryMsMin = 20;
const retryMsMax = 1_000;

/** C1: 32 hexadecimal digits. Stored format. */
const childId = (parent: string, group: string, index: number): string =>
  createHash('sha256')
    .update(digestOf([parent, group, index]))
    .digest('hex')
    .slice(0, 32);

/** What passes by itself. */
const isFull = (code: string): boolean =>
  code.endsWith('.full') || code === 'rate.limited' || code === 'lane.busy';

/** Starts the children of one attempt. */
export class ChildStarter {
  readonly #world: World;
  readonly #run: ClaimedRun;
  readonly #starts: ChildStarts;

  constructor(world: World, run: ClaimedRun, starts: ChildStarts) {
    this.#world = world;
    this.#run = run;
    this.#starts = starts;
  }

  /** Starts one; gives its id. */
  async one(group: ChildGroup, input: unknown, step: StepContext): Promise<string> {
    const item = await this.#item(group, input, 0);
    await this.#accept([item], step);
    return item.id;
  }

  /** Starts one for each input; gives how many. */
  async all(
    group: ChildGroup,
    inputs: Iterable<unknown> | AsyncIterable<unknown>,
    step: StepContext,
  ): Promise<number> {
    let count = 0;
    let batch: StartItem[] = [];
    for await (const input of inputs) {
      if (count === limits.childrenMax) {
        const message = `ctx.all starts ${limits.childrenMax} children, and there are more inputs`;
        throw new HoldfastError('children.full', message, { details: { group: group.name } });
      }
      batch.push(await this.#item(group, input, count));
      count += 1;
      if (batch.length < limits.childStartRowsMax) continue;
      await this.#accept(batch, step);
      batch = [];
    }
    if (batch.length > 0) await this.#accept(batch, step);
    return count;
  }

  async #item({ name, fn, close, terms }: ChildGroup, input: unknown, index: number) {
    const { seq, fence, id: parent } = this.#run;
    const made = await this.#starts.make(fn, input, terms);
    const place = { seq, fence, group: name, index, close };
    return { ...made, id: childId(parent, name, index), idempotent: true, parent: place };
  }

  /** C3 */
  async #accept(items: readonly StartItem[], { signal }: StepContext): Promise<void> {
    const { clock, random } = this.#world;
    let left = items;
    let faultMs = retryMsMin;
    for (let tries = 1; ; ) {
      signal.throwIfAborted();
      const verdicts = await this.#sent(left);
      if (verdicts === null) {
        await this.#pause(faultMs);
        faultMs = Math.min(faultMs * 2, retryMsMax);
        continue;
      }
      const refused = left.filter((_, at) => verdicts[at]?.ok !== true);
      const why = verdicts.find(({ ok }) => !ok);
      if (why === undefined || why.ok) return;
      const error = new HoldfastError(why.code, why.message);
      const now = clock.wall();
      const { retry } = this.#run.policy;
      const again = nextTry(retry, tries, undefined, random.next(), now);
      const full = verdicts.every((one) => one.ok || isFull(one.code));
      if (again === null || !full) throw error;
      await this.#pause(Math.max(retryMsMin, again - now));
      left = refused;
      tries += 1;
    }
  }

  /** Null: the store could not be reached. */
  async #sent(items: readonly StartItem[]): Promise<readonly StartVerdict[] | null> {
    try {
      return await this.#starts.send(items);
    } catch (error) {
      if (mayPass(error)) return null;
      throw error;
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#world.clock.after(ms, resolve);
    });
  }
}

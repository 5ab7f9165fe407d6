/**
 * Owns the execution of one step: its tries, their times, and what is kept of them.
 *
 * R1 A try has ended when its code has settled. One whose time is over is signalled and gets the
 *    grace of the run; after it the try has failed, whatever its code still does.
 * R2 Delays between tries hold the slot up to a bound. A longer one ends the attempt instead: the
 *    run is tried again after it, and the step with it.
 * R3 Nothing is kept of a failure that came of leaving: the next attempt tries the step again.
 * R4 A try in a transaction is over when the database has said what became of it: its time ends the
 *    code, and not a commit that is under way.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { ErrorDetail } from '../../core/outcome.ts';
import { nextTry, type RetryPolicy } from '../../core/retry.ts';
import type { Timer } from '../../ports/clock.ts';
import type { ClaimedRun, EndOfAttempt } from '../../ports/store-runs.ts';
import type { StepEnd } from '../../ports/store-steps.ts';
import type { Span } from '../../ports/tracing.ts';
import type { Isolation, StepTransaction, Transactions } from '../../ports/transactions.ts';
import { type Failure, failureOf } from '../failure.ts';
import { checkBy } from '../schema.ts';
import { unreadableEnd } from '../unreadable.ts';
import type { World } from '../world.ts';
import type { StepContext } from './words.ts';

/** In which transaction a step is carried out. */
export interface Within {
  readonly transactions: Transactions;
  readonly run: Pick<ClaimedRun, 'id' | 'seq' | 'fence'>;
  readonly isolation: Isolation;
}

/** What carries it out, by itself or in a transaction of the store's database. */
export type StepCode =
  | { readonly within: null; readonly run: (step: StepContext) => unknown }
  | {
      readonly within: Within;
      readonly run: (step: StepContext, tx: StepTransaction) => unknown;
    };

/** A step that is to be carried out. */
export interface StepPlan {
  readonly key: string;
  readonly code: StepCode;
  readonly retry: RetryPolicy;
  readonly timeoutMs: number | null;
  readonly output: StandardSchemaV1 | null;
  readonly graceMs: number;
}

/** How it ended: to be kept; the end of the whole attempt; or (null) nothing is to be kept. */
export type StepDone =
  | { readonly tries: number; readonly end: StepEnd }
  | { readonly attempt: EndOfAttempt }
  | null;

/** What became of one try. `attempt`: the end of the whole attempt. */
type Tried = Failure | { readonly value: string } | { readonly attempt: EndOfAttempt };

type Timing = { readonly passed: HoldfastError | null; readonly over: Promise<never> };

/** In which step of which attempt code is. */
const inside = new AsyncLocalStorage<StepTries>();

/** The step of this attempt in which the caller is, or null. */
export const stepAround = (owner: object): string | null => {
  const step = inside.getStore();
  return step?.owner === owner ? step.plan.key : null;
};

/** What failed, for its span; leaving is no failure. */
function faultOf(done: StepDone): ErrorDetail | null {
  if (done === null) return null;
  if ('end' in done) return done.end.error;
  return 'error' in done.attempt ? done.attempt.error : null;
}

/** The tries of one step. */
export class StepTries {
  readonly owner: object;
  readonly plan: StepPlan;
  readonly #world: World;
  readonly #trace: string | null;
  #span: Span | null = null;
  #controller: AbortController | null = null;
  #reason: unknown;
  #aborted = false;
  #keeps = true;
  /** Of a step in a transaction: nobody wants to know any more what becomes of it. */
  #gone: AbortController | null = null;
  #pause: { readonly timer: Timer; readonly over: () => void } | null = null;

  /** `trace`: below what its span stands. */
  constructor(world: World, owner: object, plan: StepPlan, trace: string | null) {
    this.#world = world;
    this.#trace = trace;
    this.owner = owner;
    this.plan = plan;
  }

  /** Signals the try that is under way; no other follows. `keeps`: see R3. */
  stop(reason: unknown, keeps: boolean): void {
    this.#keeps &&= keeps;
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#pause?.timer.cancel();
    this.#pause?.over();
  }

  /** Stops it, and whatever of it can still be given up. */
  forget(reason: unknown): void {
    this.stop(reason, false);
    this.#gone?.abort(reason);
  }

  /** Carries the step out. Never rejects. */
  async run(): Promise<StepDone> {
    const { key } = this.plan;
    const attributes = { 'holdfast.step': key };
    const facts = { name: key, kind: 'internal', parent: this.#trace, attributes } as const;
    this.#span = this.#world.tracing?.begin(facts) ?? null;
    const done = await this.#tried();
    this.#span?.end(faultOf(done));
    return done;
  }

  async #tried(): Promise<StepDone> {
    for (let tries = 1; ; tries += 1) {
      const got = await this.#once(tries);
      if ('value' in got) {
        return { tries, end: { how: 'returned', value: got.value, error: null } };
      }
      if ('attempt' in got) return got;
      if (this.#aborted && !this.#keeps) return null;
      const delayMs = this.#aborted ? null : this.#delayAfter(tries, got);
      if (delayMs === null) {
        return { tries, end: { how: 'threw', value: null, error: got.error } };
      }
      if (delayMs > limits.stepDelayHeldMsMax) {
        const { error } = got;
        const advice = { kind: 'after', delayMs } as const;
        return { attempt: { how: 'failed', error, advice, chance: 0 } };
      }
      await this.#wait(delayMs);
      if (this.#aborted && !this.#keeps) return null;
      if (this.#aborted) return { tries, end: { how: 'threw', value: null, error: got.error } };
    }
  }

  #delayAfter(tries: number, { advice }: Failure): number | null {
    const now = this.#world.clock.wall();
    const at = nextTry(this.plan.retry, tries, advice, this.#world.random.next(), now);
    return at === null ? null : at - now;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        this.#pause = null;
        resolve();
      };
      this.#pause = { timer: this.#world.clock.after(ms, over), over };
    });
  }

  async #once(tries: number): Promise<Tried> {
    const { key, timeoutMs, code } = this.plan;
    this.#controller = null;
    const timing = timeoutMs === null ? null : this.#time(timeoutMs);
    try {
      const step = this.#contextOf(key, tries);
      if (code.within !== null) {
        const call = (tx: StepTransaction): unknown => this.#call(() => code.run(step, tx));
        return await this.#transacted(code.within, call, timing);
      }
      const call = this.#call(() => code.run(step));
      const value = timing === null ? await call : await Promise.race([call, timing.over]);
      timing?.stop();
      return { value: await this.#textOf(value) };
    } catch (error) {
      return failureOf(timing?.passed ?? error);
    } finally {
      timing?.stop();
    }
  }

  #call(code: () => unknown): unknown {
    const within = (): unknown => inside.run(this, code);
    return this.#span === null ? within() : this.#span.within(within);
  }

  /** R4 */
  async #transacted(
    { transactions, run, isolation }: Within,
    call: (tx: StepTransaction) => unknown,
    timing: Timing | null,
  ): Promise<Tried> {
    const late = new AbortController();
    timing?.over.catch((error: unknown) => late.abort(error));
    this.#gone = new AbortController();
    const { id, seq, fence } = run;
    try {
      const end = await transactions.run({
        ...{ id, seq, fence, key: this.plan.key, isolation },
        code: async (tx) => {
          // To come so far may have taken all of its time.
          if (timing !== null && timing.passed !== null) throw timing.passed;
          return this.#textOf(await call(tx));
        },
        late: late.signal,
        gone: this.#gone.signal,
      });
      if (end.kept) return { value: end.value };
      // The step has neither failed nor been done: nothing is kept of it.
      if (end.fault === null) return { attempt: { how: 'handed-back', begun: true } };
      return { attempt: { how: 'failed', ...failureOf(end.fault), chance: 0 } };
    } catch (error) {
      const aside = unreadableEnd(error);
      if (aside === null) throw error;
      return { attempt: aside };
    }
  }

  async #textOf(value: unknown): Promise<string> {
    const checked = await this.#checked(value);
    const { payloads } = this.#world;
    return payloads.text(checked, limits.stepBytesMax, `what '${this.plan.key}' gives`);
  }

  /** R1 */
  #time(timeoutMs: number) {
    const { clock } = this.#world;
    const over = Promise.withResolvers<never>();
    // Nobody may be listening by then.
    over.promise.catch(() => {});
    const state = {
      passed: null as HoldfastError | null,
      over: over.promise,
      stop: () => timer.cancel(),
    };
    let timer = clock.after(timeoutMs, () => {
      const message = `the step '${this.plan.key}' took longer than ${timeoutMs} ms`;
      const error = new HoldfastError('step.timed_out', message);
      state.passed = error;
      this.#controller?.abort(error);
      timer = clock.after(this.plan.graceMs, () => over.reject(error));
    });
    return state;
  }

  async #checked(value: unknown): Promise<unknown> {
    const { output, key } = this.plan;
    if (output === null) return value;
    const checked = await checkBy(output, value);
    if (checked.ok) return checked.value;
    const message = `what '${key}' gives does not fit its schema: ${checked.issues.join('; ')}`;
    throw new HoldfastError('output.invalid', message);
  }

  #contextOf(key: string, tries: number): StepContext {
    const signal = (): AbortSignal => this.#signal();
    return {
      key,
      tries,
      get signal() {
        return signal();
      },
    };
  }

  #signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }
}

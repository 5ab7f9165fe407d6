/**
 * Owns the calls by which a handler asks for steps and waits: checks them, names them, and makes of
 * what is kept what the handler is given.
 *
 * A1 Nothing here throws: what is wrong rejects. After the end of the attempt nothing settles.
 * A2 A promise that nobody listens to brings no process down: the run says what became of it.
 */
import { checkKey, checkNumber, checkOptions, checkWord, invalid } from '../../core/check.ts';
import { checkStepName, childKeys, Keys } from '../../core/durable/keys.ts';
import { type MatchKey, matchKey } from '../../core/durable/match.ts';
import { answerKind, namesText, signalEvent, signalValues } from '../../core/durable/signals.ts';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import { retryOf } from '../../core/retry.ts';
import { type WallMs, wallMs } from '../../core/time.ts';
import type { StepKind } from '../../ports/store-steps.ts';
import { isolations, type StepTransaction } from '../../ports/transactions.ts';
import { checkBy } from '../schema.ts';
import { ChildEnds, type ChildTally, quiet } from './child-ends.ts';
import { checkChildren, checkInputs } from './child-options.ts';
import { type ChildGroup, ChildStarter } from './child-starts.ts';
import type { Child, ChildFunction, ChildOptions, Children } from './child-words.ts';
import { Durable } from './durable.ts';
import type { DurableHost } from './durable-host.ts';
import { type Ear, nested, type Op, type WaitOp } from './ops.ts';
import { answering, type KeptSignal, type Said, signalNames } from './signals.ts';
import { type StepCode, type StepPlan, stepAround } from './step-tries.ts';
import type {
  Approval,
  ApprovalOptions,
  Decision,
  DurableContext,
  HeardEvent,
  Signal,
  SleepOptions,
  StepContext,
  StepOptions,
  TransactionOptions,
  WaitForOptions,
  WaitForSignalOptions,
} from './words.ts';

const stepOptions = ['retry', 'timeoutMs', 'output'];

/** An event as it ends a wait. Stored format. */
interface KeptEvent {
  readonly n: number;
  readonly id: string;
  readonly at: WallMs;
  readonly data: unknown;
}

/** What the step of `ctx.all` gives. Stored format. */
interface AllStarted {
  /** The run that started them: of a fork, the first one. */
  readonly of: string;
  readonly count: number;
}

/** The durable calls of one attempt. */
export class Asking implements DurableContext {
  readonly durable: Durable;
  readonly #host: DurableHost;
  readonly #keys = new Keys();
  readonly #starter: ChildStarter;
  readonly #ends: ChildEnds;
  /** By name and match, the greatest number of an event that was given. */
  readonly #heard = new Map<string, number>();

  constructor(host: DurableHost) {
    this.#host = host;
    this.durable = new Durable(host);
    const { world, starts } = host.recorder;
    this.#starter = new ChildStarter(world, host.run, starts);
    this.#ends = new ChildEnds(world, this.durable, host.run);
  }

  step<Output>(
    name: string,
    run: (step: StepContext) => Output | Promise<Output>,
    options: StepOptions<Output> = {},
  ): Promise<Output> {
    return this.#ask('step', () => {
      const of = `of the step '${checkStepName('the name of a step', name)}'`;
      checkOptions(`the options ${of}`, options, stepOptions);
      return this.#step(of, name, { within: null, run }, options);
    });
  }

  transaction<Output>(
    name: string,
    run: (tx: StepTransaction, step: StepContext) => Output | Promise<Output>,
    options: TransactionOptions<Output> = {},
  ): Promise<Output> {
    return this.#ask('transaction', () => {
      const of = `of the step '${checkStepName('the name of a step', name)}'`;
      const { transactions, store } = this.#host.recorder.world;
      if (transactions === undefined) {
        const message = `ctx.transaction needs a store in PostgreSQL; this one is '${store.kind}'`;
        throw new HoldfastError('request.invalid', message, { details: { store: store.kind } });
      }
      checkOptions(`the options ${of}`, options, [...stepOptions, 'isolation']);
      const { isolation = 'read committed' } = options;
      checkWord(`isolation ${of}`, isolation, isolations);
      const code: StepCode = {
        within: { transactions, run: this.#host.run, isolation },
        run: (step, tx) => run(tx, step),
      };
      if (typeof run !== 'function') throw invalid(`run ${of}`, run, 'it must be a function');
      return this.#step(of, name, code, options);
    });
  }

  sleep(ms: number, options: SleepOptions = {}): Promise<void> {
    return this.#ask('sleep', () => {
      checkNumber('the time to sleep', ms, 0, limits.delayMsMax);
      return this.#sleeping({ afterMs: ms }, options);
    });
  }

  sleepUntil(at: Date | number, options: SleepOptions = {}): Promise<void> {
    return this.#ask('sleepUntil', () => {
      const time = at instanceof Date ? at.getTime() : at;
      checkNumber('the time until which to sleep', time, 0, Number.MAX_SAFE_INTEGER);
      return this.#sleeping({ at: wallMs(time) }, options);
    });
  }

  async waitFor<Data = unknown>(
    event: string,
    options: WaitForOptions<Data> = {},
  ): Promise<HeardEvent<Data> | null> {
    let wanted: MatchKey | null = null;
    const kept = await this.#ask<KeptEvent | null>('waitFor', () => {
      checkKey('the name of an event', event, limits.keyCharsMax);
      checkOptions('the wait', options, ['match', 'timeoutMs', 'name', 'schema']);
      const name = checkStepName('the name of a wait', options.name ?? event);
      const wake = wakeOf(options.timeoutMs);
      const match = matchKey(options.match ?? {});
      this.#checkComparable(match);
      wanted = match;
      return (ear) => {
        const after = this.#heard.get(heardKey(event, match)) ?? 0;
        return this.#wait('event', name, ear, { wake, event: { name: event, ...match, after } });
      };
    });
    if (kept === null) return null;
    if (wanted !== null) this.#heard.set(heardKey(event, wanted), kept.n);
    const { id, at, data } = kept;
    const { schema } = options;
    if (schema === undefined) return { id, at, data: data as Data };
    const checked = await checkBy(schema, data);
    if (checked.ok) return { id, at, data: checked.value as Data };
    const message = `the event '${event}' does not fit its schema: ${checked.issues.join('; ')}`;
    throw new HoldfastError('input.invalid', message, { details: { event, id } });
  }

  async approval(name = 'approval', options: ApprovalOptions = {}): Promise<Approval> {
    const decided = Promise.withResolvers<unknown>();
    decided.promise.catch(() => {});
    let asked: WaitOp | null = null;
    const token = await this.#ask<string>('approval', () => {
      checkStepName('the name of an approval', name);
      checkOptions('the approval', options, ['timeoutMs']);
      const wake = wakeOf(options.timeoutMs);
      const { random } = this.#host.recorder.world;
      return (opened) => {
        const ear = { tell: decided.resolve, refuse: decided.reject };
        const fresh = `${random.id()}${random.id().slice(-12)}`;
        asked = this.#wait('approval', name, ear, { wake, token: fresh, opened });
        return asked;
      };
    });
    return {
      token,
      decision: () => {
        if (asked !== null) this.durable.awaitDecision(asked);
        return decided.promise as Promise<Decision>;
      },
    };
  }

  async waitForSignal<Data = unknown>(
    names: string | readonly string[],
    options: WaitForSignalOptions = {},
  ): Promise<Signal<Data> | null> {
    const { code, run } = this.#host;
    for (;;) {
      const kept = await this.#ask<KeptSignal | null>('waitForSignal', () => {
        const wanted = signalNames(names, code.signals, run.fn);
        checkOptions('the wait', options, ['timeoutMs', 'name']);
        const name = checkStepName('the name of a wait', options.name ?? wanted.join(','));
        const wake = wakeOf(options.timeoutMs);
        const [paths, values] = [namesText(wanted), signalValues];
        const event = { name: signalEvent(run.id), paths, values, after: 0 };
        return (ear) => this.#wait('signal', name, ear, { wake, event });
      });
      if (kept === null) return null;
      const answer = answering((said, what) => this.#answer(kept, said, what));
      const check = code.signals.get(kept.name) ?? null;
      const checked = check === null ? null : await check(kept.data);
      if (checked === null || checked.ok) {
        const data = (checked === null ? kept.data : checked.value) as Data;
        return { id: kept.id, name: kept.name, at: kept.at, data, ...answer };
      }
      // Whoever sent it without the definition hears what is wrong; the code does not.
      await answer.refuse(`it does not fit its schema: ${checked.issues.join('; ')}`);
    }
  }

  /** The answer is a step: it is kept before this settles, and given once. */
  #answer({ id }: KeptSignal, said: Said, what: string): Promise<void> {
    return this.#ask(what, () => {
      const { recorder, run } = this.#host;
      recorder.world.payloads.text(said, limits.signalBytesMax, 'the answer');
      const { retry, graceMs } = run.policy;
      return (ear) => {
        const key = this.#keys.next(answerKind, id);
        const code = { within: null, run: () => said };
        const plan = { key, code, retry, timeoutMs: null, output: null, graceMs };
        const heard = { ...ear, tell: () => ear.tell(undefined) };
        return { kind: 'step', key, ear: heard, plan };
      };
    });
  }

  start<Input, Output>(
    fn: ChildFunction<Input, Output> | string,
    input: Input,
    options: ChildOptions = {},
  ): Promise<Child<Output>> {
    const { promise, group } = this.#starting<string>('start', fn, options, (made, step) =>
      this.#starter.one(made, input, step),
    );
    const over = (): Promise<unknown> => this.#ended(group(), 'result');
    return quiet(promise.then((id) => this.#ends.handle<Output>(id, over)));
  }

  all<Input, Output>(
    fn: ChildFunction<Input, Output> | string,
    inputs: Iterable<Input> | AsyncIterable<Input>,
    options: ChildOptions = {},
  ): Promise<Children<Output>> {
    return quiet(this.#all<Output>(fn, inputs, options));
  }

  now(): Promise<WallMs> {
    return this.step('now()', () => this.#host.recorder.world.clock.wall());
  }

  random(): Promise<number> {
    return this.step('random()', () => this.#host.recorder.world.random.next());
  }

  uuid(): Promise<string> {
    return this.step('uuid()', () => this.#host.recorder.world.random.id());
  }

  /** What is sealed without a key to compare by would match nothing, for ever. */
  #checkComparable({ paths }: MatchKey): void {
    if (this.#host.recorder.world.payloads.comparable || paths === '[]') return;
    const message = 'match: events are sealed, and the cipher was given no key to compare them by';
    throw new HoldfastError('request.invalid', message, { details: { name: 'match' } });
  }

  #step(of: string, name: string, code: StepCode, options: StepOptions): (ear: Ear) => Op {
    if (typeof code.run !== 'function') {
      throw invalid(`run ${of}`, code.run, 'it must be a function');
    }
    const { retry, graceMs } = this.#host.run.policy;
    const { timeoutMs = null, output = null } = options;
    if (timeoutMs !== null) checkNumber(`timeoutMs ${of}`, timeoutMs, 1, limits.delayMsMax);
    const policy = retryOf(of, options.retry, retry);
    return (ear) => {
      const key = this.#keys.next('step', name);
      const plan: StepPlan = { key, code, retry: policy, timeoutMs, output, graceMs };
      return { kind: 'step', key, ear, plan };
    };
  }

  async #all<Output>(
    fn: unknown,
    inputs: Iterable<unknown> | AsyncIterable<unknown>,
    options: ChildOptions,
  ): Promise<Children<Output>> {
    const { id } = this.#host.run;
    const { promise, group } = this.#starting<AllStarted>(
      'all',
      fn,
      options,
      async (made, step) => {
        checkInputs(inputs);
        return { of: id, count: await this.#starter.all(made, inputs, step) };
      },
    );
    const { of, count } = await promise;
    const which = { of, group: group(), count };
    if (count === 0) return this.#ends.group(which, { succeeded: 0, failed: 0 });
    await this.#ended(which.group, 'all');
    const key = `tally/${which.group}`;
    const tally = await this.#ask<ChildTally>('all', () => (ear) => {
      return this.#stepOp(key, ear, () => this.#ends.tally(which));
    });
    return this.#ends.group(which, tally);
  }

  /** The step that starts children; `group` names them once it was asked for. */
  #starting<T>(
    what: string,
    fn: unknown,
    options: ChildOptions,
    run: (group: ChildGroup, step: StepContext) => Promise<T>,
  ): { readonly promise: Promise<T>; readonly group: () => string } {
    let group = '';
    const promise = this.#ask<T>(what, () => {
      const { name, close, terms } = checkChildren(what, fn, options);
      const { trace, run: parent } = this.#host;
      return (ear) => {
        const key = this.#keys.next('start', name);
        group = key.slice(key.indexOf('/') + 1);
        const passedOn = { tenant: parent.tenant, ...(trace !== null && { traceparent: trace }) };
        const made = { name: group, fn, close, terms: { ...terms, ...passedOn } };
        return this.#stepOp(key, ear, (step) => run(made, step));
      };
    });
    return { promise, group: () => group };
  }

  /** A step of ours: what may be tried again is tried within it. */
  #stepOp(key: string, ear: Ear, run: (step: StepContext) => unknown): Op {
    const { graceMs, retry } = this.#host.run.policy;
    const once = { ...retry, attemptsMax: 1 };
    const code = { within: null, run };
    const plan = { key, code, retry: once, timeoutMs: null, output: null, graceMs };
    return { kind: 'step', key, ear, plan };
  }

  /** Waits until all children of a group have ended. */
  #ended(group: string, what: string): Promise<unknown> {
    return this.#ask(what, () => (ear) => this.#waitAt(childKeys(group).wait, 'child', ear));
  }

  #sleeping(wake: NonNullable<WaitOp['wake']>, options: SleepOptions): (ear: Ear) => Op {
    checkOptions('the sleep', options, ['name']);
    const name = checkStepName('the name of a sleep', options.name ?? 'sleep');
    return (ear) => this.#wait('sleep', name, ear, { wake });
  }

  #wait(
    kind: Exclude<StepKind, 'step'>,
    name: string,
    ear: Ear,
    more: Pick<WaitOp, 'wake'> & Partial<Pick<WaitOp, 'event' | 'token' | 'opened'>>,
  ): WaitOp {
    return { ...this.#waitAt(this.#keys.next(kind, name), kind, ear), ...more };
  }

  #waitAt(key: string, kind: Exclude<StepKind, 'step'>, ear: Ear): WaitOp {
    const askedAt = this.#host.recorder.world.clock.mono();
    const unset = { event: null, token: null, opened: null, row: null, writing: false };
    return { ...unset, wake: null, kind, key, ear, askedAt };
  }

  /** `check` throws what is wrong, and gives what makes the operation. */
  #ask<T>(what: string, check: () => (ear: Ear) => Op): Promise<T> {
    if (!this.durable.isOpen) return new Promise(() => {});
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    promise.catch(() => {});
    try {
      const around = stepAround(this.durable);
      if (around !== null) throw nested(what, around);
      this.durable.ask(check()({ tell: (value) => resolve(value as T), refuse: reject }));
    } catch (error) {
      reject(error);
    }
    return promise;
  }
}

const heardKey = (event: string, { paths, values }: MatchKey): string =>
  JSON.stringify([event, paths, values]);

function wakeOf(timeoutMs: number | undefined): { readonly afterMs: number } | null {
  if (timeoutMs === undefined) return null;
  return { afterMs: checkNumber('timeoutMs', timeoutMs, 0, limits.delayMsMax) };
}

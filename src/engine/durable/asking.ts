/**
 * Owns the calls by which a handler asks for steps and waits: checks them, names them, and makes of
 * what is kept what the handler is given.
 *
 * A1 Nothing here throws: what is wrong rejects. After the end of the attempt nothing settles.
 * A2 A promise that nobody listens to brings no process down: the run says what became of it.
 */
import { checkKey, checkNumber, checkOptions, invalid } from '../../core/check.ts';
import { checkStepName, Keys } from '../../core/durable/keys.ts';
import { type MatchKey, matchKey } from '../../core/durable/match.ts';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import { retryOf } from '../../core/retry.ts';
import { type WallMs, wallMs } from '../../core/time.ts';
import type { StepKind } from '../../ports/store-steps.ts';
import { checkBy } from '../schema.ts';
import { Durable, type DurableHost } from './durable.ts';
import { type Ear, nested, type Op, type WaitOp } from './ops.ts';
import { stepAround } from './step-tries.ts';
import type {
  Approval,
  ApprovalOptions,
  Decision,
  DurableContext,
  HeardEvent,
  SleepOptions,
  StepContext,
  StepOptions,
  WaitForOptions,
} from './words.ts';

/** An event as it ends a wait. Stored format. */
interface KeptEvent {
  readonly n: number;
  readonly id: string;
  readonly at: WallMs;
  readonly data: unknown;
}

/** The durable calls of one attempt. */
export class Asking implements DurableContext {
  readonly durable: Durable;
  readonly #host: DurableHost;
  readonly #keys = new Keys();
  /** By name and match, the greatest number of an event that was given. */
  readonly #heard = new Map<string, number>();

  constructor(host: DurableHost) {
    this.#host = host;
    this.durable = new Durable(host);
  }

  step<Output>(
    name: string,
    run: (step: StepContext) => Output | Promise<Output>,
    options: StepOptions<Output> = {},
  ): Promise<Output> {
    return this.#ask('step', () => {
      const of = `of the step '${checkStepName('the name of a step', name)}'`;
      if (typeof run !== 'function') throw invalid(`run ${of}`, run, 'it must be a function');
      checkOptions(`the options ${of}`, options, ['retry', 'timeoutMs', 'output']);
      const { retry, graceMs } = this.#host.run.policy;
      const { timeoutMs = null, output = null } = options;
      if (timeoutMs !== null) checkNumber(`timeoutMs ${of}`, timeoutMs, 1, limits.delayMsMax);
      const policy = retryOf(of, options.retry, retry);
      return (ear) => {
        const key = this.#keys.next('step', name);
        const plan = { key, run, retry: policy, timeoutMs, output, graceMs };
        return { kind: 'step', key, ear, plan };
      };
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
    const key = this.#keys.next(kind, name);
    const askedAt = this.#host.recorder.world.clock.mono();
    const unset = { event: null, token: null, opened: null, row: null, writing: false };
    return { ...unset, ...more, kind, key, ear, askedAt };
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

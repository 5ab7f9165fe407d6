/**
 * Owns one live call: where it stands, and what its code sees.
 *
 * C1 It is its own place in every line: gate, slot, deadlines, the list of all. A call that ends
 *    leaves nothing behind.
 * C2 What costs something is made when it is first asked for: id, signal, facts.
 */
import type { CallState } from '../../core/call/call.ts';
import { queued } from '../../core/call/call.ts';
import type { Gate, Passer } from '../../core/call/gate.ts';
import type { Ranked } from '../../core/call/ready-queue.ts';
import type { CallTerms } from '../../core/call/terms.ts';
import type { Timed } from '../../core/call/timing-wheel.ts';
import { HoldfastError } from '../../core/errors.ts';
import { type Fence, fenceNone } from '../../core/fence.ts';
import type { OutcomeKind } from '../../core/outcome.ts';
import { type WallMs, wallMs } from '../../core/time.ts';
import type { LogLevel } from '../../ports/log.ts';
import type { Span } from '../../ports/tracing.ts';
import type { DeclaredState } from '../declared-state.ts';
import type { DurableContext } from '../durable/words.ts';
import type { ContextSource } from '../run-context.ts';
import type { CallPlace, CallTarget } from './call-target.ts';
import type { TenantGate } from './tenant-gate.ts';
import type { CallFacts, Later } from './words.ts';

/** Who hears of a call. */
export interface CallSink {
  /** Called once. With the result, or with what was thrown, or with why there is none. */
  answered(kind: OutcomeKind, value: unknown): void;
  progressed?(value: unknown): void;
}

/** A call from outside, as long as it lasts. */
export interface CallHandle {
  readonly callId: string;
  /** Asks it to stop. False: it may not be cancelled before it begins, or has its answer. */
  cancel(reason?: unknown): boolean;
  /** Somebody still waits: it gets at least `ms` more. */
  touch(ms: number): void;
  /** Its answer is given now, in place of its code. */
  giveUp(): void;
}

/** What a record asks of whoever schedules it. */
export interface CallHost {
  newId(): string;
  toWall(mono: number): number;
  cancel(call: CallRecord, reason: unknown): boolean;
  touch(call: CallRecord, ms: number): void;
  giveUp(call: CallRecord): void;
  answerLater(call: CallRecord, kind: 'succeeded' | 'failed', value: unknown): boolean;
  progressed(call: CallRecord, value: unknown): void;
  log(call: CallRecord, level: LogLevel, message: string, fields: unknown): void;
}

/** What came with a call that its facts are made of. */
export type CameWith = Omit<CallFacts, 'id' | 'prefix'>;

const noTags: readonly string[] = [];

/** One call. */
export class CallRecord implements Passer, Ranked, Timed, ContextSource, CallHandle {
  next: Passer | null = null;
  prev: Passer | null = null;
  waitsAt: Gate | null = null;
  rank = 0;
  order = 0;
  slotAt = -1;
  dueTick = 0;
  wheelSlot = -1;
  wheelNext: Timed | null = null;
  wheelPrev: Timed | null = null;
  older: CallRecord | null = null;
  younger: CallRecord | null = null;

  state: CallState = queued;
  /** Gates passed so far: lane, function, tenant. */
  passed = 0;
  lane: Gate | null = null;
  tenant: TenantGate | null = null;
  place: CallPlace | null = null;
  /** Where it stands in the fair order, if it had to wait for a slot. */
  tag = 0;
  input: unknown;
  deadlineAt = 0;
  /** Somebody was told that its code goes on. */
  reported = false;
  /** Its handler has asked for `later`. */
  deferred = false;
  /** Of code within interceptors: whether it goes on, and whether they have ended without it. */
  work: 'alone' | 'within' | 'left' | 'over' = 'alone';
  span: Span | null = null;
  /** Why it was told to stop. */
  reason: HoldfastError | null = null;
  readonly attempt = 1;
  readonly admittedAt: number;
  readonly target: CallTarget;
  readonly prefix: string | null;
  readonly sink: CallSink;
  readonly givenId: string | null;
  readonly #host: CallHost;
  readonly #came: CameWith;
  #id: string | null;
  #controller: AbortController | null = null;

  constructor(
    host: CallHost,
    target: CallTarget,
    prefix: string | null,
    id: string | null,
    input: unknown,
    came: CameWith,
    sink: CallSink,
    admittedAt: number,
  ) {
    this.#host = host;
    this.target = target;
    this.prefix = prefix;
    this.givenId = id;
    this.#id = id;
    this.input = input;
    this.#came = came;
    this.sink = sink;
    this.admittedAt = admittedAt;
  }

  get terms(): CallTerms {
    return this.target.terms;
  }

  get callId(): string {
    this.#id ??= this.#host.newId();
    return this.#id;
  }

  cancel(reason?: unknown): boolean {
    return this.#host.cancel(this, reason);
  }

  touch(ms: number): void {
    this.#host.touch(this, ms);
  }

  giveUp(): void {
    this.#host.giveUp(this);
  }

  /** Tells the code to stop. */
  abort(reason: HoldfastError): void {
    this.reason ??= reason;
    this.#controller?.abort(this.reason);
  }

  get run(): ContextSource['run'] {
    const { place } = this;
    return {
      id: this.callId,
      attempt: 1,
      fence: fenceNone as Fence,
      tenant: place?.tenant ?? '',
      lane: place?.lane ?? null,
      tags: noTags,
      deadlineAt: wallMs(Math.round(this.#host.toWall(this.deadlineAt))) as WallMs,
    };
  }

  get trace(): string | null {
    return this.span?.trace ?? null;
  }

  get call(): CallFacts {
    return { ...this.#came, id: this.callId, prefix: this.prefix };
  }

  signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.reason !== null) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  later<Output>(): Later<Output> {
    this.deferred = true;
    return {
      succeed: (value) => this.#host.answerLater(this, 'succeeded', value),
      fail: (error) => this.#host.answerLater(this, 'failed', error),
    };
  }

  keepLine(level: LogLevel, message: string, fields: unknown): void {
    this.#host.log(this, level, message, fields);
  }

  keepProgress(value: unknown): void {
    if (this.state.status === 'done') return;
    this.#host.progressed(this, value);
    const { progressExtendsMs } = this.terms;
    if (progressExtendsMs > 0) this.#host.touch(this, progressExtendsMs);
  }

  emitPart(): boolean {
    throw notDurable('a stream of parts');
  }

  partsDrained(): Promise<void> {
    return Promise.reject(notDurable('a stream of parts'));
  }

  durable(): DurableContext {
    throw notDurable('durable code (steps, sleeps, waits)');
  }

  declared(): DeclaredState {
    throw notDurable('declared state');
  }
}

const notDurable = (what: string): HoldfastError => {
  const message = `${what} takes a run, since a call keeps nothing; start the function instead`;
  return new HoldfastError('call.not_durable', message);
};

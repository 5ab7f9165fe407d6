/**
 * Owns one attempt from its hand-out to its end: one call of a handler, whatever the handler does.
 *
 * A1 It ends exactly once: `end` is called once, with what the handler did or with what was done to
 *    it.
 * A2 Told to stop, it signals first, gives the code its grace, and then ends without waiting any
 *    longer; the slot stays taken until the code has settled.
 * A3 Success beats a stop that was not yet obeyed; a failure after the signal is the stop obeyed.
 * A4 After the node lost its lease nothing is ended here any more: the run is not ours.
 * A5 An attempt that leaves (it is parked, say) forgets its code, which may still be executing: the
 *    slot is free, nothing that the code does counts, and nothing of it settles.
 * A6 What was claimed to clean up is told to stop when its code is where it was: what is kept is
 *    given to it first, as in any attempt. Its grace runs from the beginning.
 */
import type { ErrorCode } from '../core/errors.ts';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { ErrorDetail } from '../core/outcome.ts';
import type { Timer } from '../ports/clock.ts';
import type { LogLevel } from '../ports/log.ts';
import type { ClaimedRun, EndOfAttempt } from '../ports/store-runs.ts';
import type { Span } from '../ports/tracing.ts';
import { AttemptState, type DeclaredState, type StateHost } from './declared-state.ts';
import { Asking } from './durable/asking.ts';
import type { DurableHost } from './durable/durable-host.ts';
import type { Recorder } from './durable/recorder.ts';
import type { DurableContext } from './durable/words.ts';
import { failureOf } from './failure.ts';
import type { Checked, HostedCode } from './hosted.ts';
import type { Notes, Pad } from './notes.ts';
import { checkedPart } from './part-text.ts';
import type { Outlet, Parts } from './parts.ts';
import type { ContextSource } from './run-context.ts';
import { AttemptContext } from './run-context.ts';
import type { Tenure } from './tenure.ts';
import { unreadableEnd } from './unreadable.ts';
import type { World } from './world.ts';

/** Why an attempt is told to stop. */
export type StopCause = 'cancel' | 'deadline' | 'attempt-timeout' | 'drain' | 'fenced';

/** Whoever runs attempts. */
export interface AttemptHost {
  readonly world: World;
  readonly notes: Notes;
  readonly parts: Parts;
  readonly recorder: Recorder;
  /** The attempt has its end, which waits for notes and parts that go before it. */
  ending(attempt: Attempt): void;
  /** The attempt has its end, to be committed under its fence. */
  ended(attempt: Attempt, end: EndOfAttempt): void;
  /** The code has stopped: the slot is free. `lingered`: it did so after the end. */
  settled(attempt: Attempt, lingered: boolean): void;
  /** The grace is over and the code goes on. */
  lingers(attempt: Attempt): void;
}

/** Names of steps in one line of a log. */
const stepsToldMax = 20;

const codes: Record<StopCause, ErrorCode> = {
  cancel: 'run.cancelled',
  deadline: 'run.deadline_passed',
  'attempt-timeout': 'attempt.timed_out',
  drain: 'node.draining',
  fenced: 'node.fenced',
};

/** A run as it was handed to this node. */
export interface Handed {
  readonly run: ClaimedRun;
  readonly code: HostedCode;
  /** Under which membership of the node it was claimed. */
  readonly tenure: Tenure;
}

/** One try at one run. */
export class Attempt implements ContextSource, DurableHost, StateHost {
  readonly run: ClaimedRun;
  readonly code: HostedCode;
  readonly tenure: Tenure;
  readonly startedAt: number;
  readonly #timeoutMs: number;
  readonly #host: AttemptHost;
  #controller: AbortController | null = null;
  #pad: Pad | null = null;
  #outlet: Outlet | null = null;
  #asking: Asking | null = null;
  #declared: DeclaredState | null = null;
  #timer: Timer | null = null;
  #span: Span | null = null;
  #fault: ErrorDetail | null = null;
  #stop: StopCause | null = null;
  /** A6: the stop of which it is not told yet. */
  #toCleanUp: ClaimedRun['stop'];
  #reason: HoldfastError | null = null;
  #ended = false;
  #settled = false;

  constructor(host: AttemptHost, handed: Handed, startedAt: number, timeoutMs: number) {
    this.#host = host;
    this.run = handed.run;
    this.code = handed.code;
    this.#toCleanUp = handed.run.stop;
    this.tenure = handed.tenure;
    this.startedAt = startedAt;
    this.#timeoutMs = timeoutMs;
  }

  /** Calls the handler. Never throws. */
  begin(): void {
    if (this.#toCleanUp === undefined) this.#armTimeout();
    else this.#startGrace();
    let input: unknown;
    try {
      input = this.#host.world.payloads.read(this.run.input);
    } catch (error) {
      this.#unread(error);
      return;
    }
    if (this.code.read === null) this.#call(input);
    else this.#check(this.code.read, input);
  }

  /** Tells the code to stop. The first cause counts, but a drain gives way to the others. */
  stop(cause: StopCause, message: string): void {
    if (this.#settled) return;
    if (this.#toCleanUp !== undefined && (cause === 'cancel' || cause === 'deadline')) return;
    if (cause === 'fenced') this.#ended = true;
    else if (this.#ended || (this.#stop !== null && this.#stop !== 'drain')) return;
    const graceRuns = this.#stop !== null || this.run.stop !== undefined;
    this.#stop = cause;
    this.#reason ??= new HoldfastError(codes[cause], message);
    if (cause === 'fenced') this.letGo(this.#reason);
    if (!graceRuns || cause === 'fenced') this.#startGrace();
    this.#controller?.abort(this.#reason);
    if (this.#asking !== null) this.#stopDurable(this.#asking);
  }

  /** A6 */
  caughtUp(): boolean {
    const asked = this.#toCleanUp;
    if (asked === undefined || this.#stop !== null) return false;
    this.#toCleanUp = undefined;
    this.stop(asked.cause, asked.reason);
    return true;
  }

  get trace(): string | null {
    return this.#span?.trace ?? this.run.trace;
  }

  /** What it made and the store has not got is not kept any more: the run is not ours (A4). */
  letGo(why: HoldfastError): void {
    if (this.#outlet !== null) this.#host.parts.giveUp(this.#outlet, why);
  }

  /** Of the code: what is kept of its run is for this version to go on with. */
  get version(): string {
    return this.code.version;
  }

  get call(): null {
    return null;
  }

  later(): never {
    const message = 'the answer of a run is what its code gives; only a call has a later one';
    throw new HoldfastError('call.only', message);
  }

  get recorder(): Recorder {
    return this.#host.recorder;
  }

  durable(): DurableContext {
    if (this.#asking !== null) return this.#asking;
    const asking = new Asking(this);
    this.#asking = asking;
    if (this.#settled) asking.durable.close(null);
    else if (this.#ended) asking.durable.cutOff(this.#reason);
    else if (this.#stop !== null) this.#stopDurable(asking);
    return asking;
  }

  /** Others may have ended what its code waits for. */
  heard(): void {
    this.#asking?.durable.heard();
  }

  /** A5 */
  leave(end: EndOfAttempt | null): void {
    if (this.#settled) return;
    const lingered = this.#ended;
    if (!lingered) this.#end(end ?? this.#stopped(true));
    const over = new HoldfastError('attempt.over', 'this attempt is over; a later one may go on');
    // Its code hears of it before its slot is another's.
    this.#asking?.durable.close(over);
    this.#controller?.abort(this.#reason ?? over);
    this.#settle(lingered);
  }

  #stopDurable({ durable }: Asking): void {
    if (this.#stop === 'fenced') durable.cutOff(this.#reason);
    else if (this.#stop === 'cancel' || this.#stop === 'deadline') {
      durable.stop('stopping', this.#reason);
    } else durable.stop('leaving', this.#reason);
  }

  /** The handler is done: what it left behind is stopped, and not kept. */
  #closeDurable({ durable }: Asking): void {
    const left = durable.underWay;
    if (left.length > 0) {
      const message = 'the handler was done before these steps, which are not kept';
      this.keepLine('warn', message, { steps: left.slice(0, stepsToldMax), count: left.length });
    }
    const message = 'the handler was done before this step';
    durable.close(new HoldfastError('attempt.over', message));
  }

  signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#reason !== null) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  keepLine(level: LogLevel, message: string, fields: unknown): void {
    if (this.#ended) return;
    this.#host.notes.line(this.#openPad(), level, message, fields);
  }

  keepProgress(value: unknown): void {
    const { payloads } = this.#host.world;
    const text = payloads.text(value, limits.progressBytesMax, 'the progress value');
    if (!this.#ended) this.#host.notes.progress(this.#openPad(), text);
  }

  declared(): DeclaredState {
    this.#declared ??= new AttemptState(this, this.run);
    return this.#declared;
  }

  get world(): World {
    return this.#host.world;
  }

  get notes(): Notes {
    return this.#host.notes;
  }

  get isOver(): boolean {
    return this.#ended || this.#settled;
  }

  openPad(): Pad | null {
    return this.#ended ? null : this.#openPad();
  }

  stateKept(): Promise<void> | null {
    return this.#pad === null ? null : this.#host.notes.stateKept(this.#pad);
  }

  emitPart(given: unknown): boolean {
    const part = checkedPart(given);
    if (this.#ended) return false;
    this.#outlet ??= this.#host.parts.outletOf(this.run);
    return this.#host.parts.emit(this.#outlet, part);
  }

  partsDrained(): Promise<void> {
    const outlet = this.#outlet;
    return outlet === null ? Promise.resolve() : this.#host.parts.drained(outlet);
  }

  #openPad(): Pad {
    this.#pad ??= this.#host.notes.padOf(this.run);
    return this.#pad;
  }

  #armTimeout(): void {
    const { deadlineAt, policy } = this.run;
    const { clock } = this.#host.world;
    const attemptMs = this.#timeoutMs;
    if (deadlineAt === null && attemptMs === Number.POSITIVE_INFINITY) return;
    const totalMs =
      deadlineAt === null ? Number.POSITIVE_INFINITY : Math.max(0, deadlineAt - clock.wall());
    const total = totalMs <= attemptMs;
    this.#timer = clock.after(total ? totalMs : attemptMs, () => {
      if (total) this.stop('deadline', 'the run was not done by its deadline');
      else
        this.stop('attempt-timeout', `the attempt took longer than ${policy.attemptTimeoutMs} ms`);
    });
  }

  #startGrace(): void {
    this.#timer?.cancel();
    const { graceMs } = this.run.policy;
    this.#timer = this.#host.world.clock.after(graceMs, () => this.#outOfGrace());
  }

  #outOfGrace(): void {
    this.#timer = null;
    if (this.#settled) return;
    this.caughtUp();
    if (!this.#ended) this.#end(this.#stopped(false));
    this.#host.lingers(this);
    this.#asking?.durable.cutOff(this.#reason);
  }

  #check(read: NonNullable<HostedCode['read']>, input: unknown): void {
    let checked: Checked | Promise<Checked>;
    try {
      checked = read(input);
    } catch (error) {
      this.#threw(error);
      return;
    }
    if (checked instanceof Promise) {
      checked.then(
        (late) => this.#checked(late),
        (error: unknown) => this.#threw(error),
      );
    } else {
      this.#checked(checked);
    }
  }

  #checked(checked: Checked): void {
    if (checked.ok) {
      this.#call(checked.value);
      return;
    }
    const message = `the input does not fit '${this.run.fn}': ${checked.issues.join('; ')}`;
    this.#threw(new HoldfastError('input.invalid', message));
  }

  #call(input: unknown): void {
    if (this.#stop !== null) {
      this.#threw(this.#reason);
      return;
    }
    let result: unknown;
    let pending: boolean;
    const context = new AttemptContext(this);
    try {
      const span = this.#beginSpan();
      result =
        span === null
          ? this.code.run(input, context)
          : span.within(() => this.code.run(input, context));
      pending = isThenable(result);
    } catch (error) {
      this.#threw(error);
      return;
    }
    if (pending) {
      Promise.resolve(result).then(
        (value) => this.#returned(value),
        (error: unknown) => this.#threw(error),
      );
    } else {
      this.#returned(result);
    }
  }

  /** Below the start of its run, whoever made the run and wherever. */
  #beginSpan(): Span | null {
    const { tracing } = this.#host.world;
    if (tracing === undefined || !tracing.on) return null;
    const { id, fn, attempt, tenant, trace: parent } = this.run;
    this.#span = tracing.begin({
      ...{ name: `run ${fn}`, kind: 'consumer', parent },
      attributes: {
        'holdfast.function': fn,
        'holdfast.run.id': id,
        'holdfast.attempt': attempt,
        'holdfast.tenant': tenant,
      },
    });
    return this.#span;
  }

  #returned(value: unknown): void {
    if (this.#settled) return;
    const diverged = this.#asking?.durable.returned() ?? null;
    if (this.#asking !== null) this.#closeDurable(this.#asking);
    if (this.#ended) {
      this.#settle(true);
      return;
    }
    if (diverged !== null) {
      this.#end(diverged);
      this.#settle(false);
      return;
    }
    let result: string;
    try {
      const { payloads } = this.#host.world;
      result = payloads.text(value, limits.resultBytesMax, `the result of '${this.run.fn}'`);
    } catch (error) {
      this.#end({ how: 'failed', ...failureOf(error), chance: 0 });
      this.#settle(false);
      return;
    }
    this.#end({ how: 'succeeded', result });
    this.#settle(false);
  }

  #threw(thrown: unknown): void {
    if (this.#settled) return;
    if (this.#asking !== null) this.#closeDurable(this.#asking);
    if (this.#ended) {
      this.#settle(true);
      return;
    }
    const chance = this.#host.world.random.next();
    if (this.#stop !== null) this.#end(this.#stopped(true));
    else this.#end({ how: 'failed', ...failureOf(thrown), chance });
    this.#settle(false);
  }

  /** The code is not called: it would get something else than what was given. */
  #unread(error: unknown): void {
    const end = unreadableEnd(error);
    if (end === null) {
      this.#threw(error);
      return;
    }
    this.#end(end);
    this.#settle(false);
  }

  /** The end of an attempt that was told to stop. */
  #stopped(settled: boolean): EndOfAttempt {
    const message = this.#reason?.message ?? '';
    const chance = this.#host.world.random.next();
    switch (this.#stop) {
      case 'attempt-timeout': {
        const error = { code: 'attempt.timed_out', message };
        return { how: 'timed-out', error, chance, scope: 'attempt', settled };
      }
      case 'deadline': {
        const error = { code: 'run.deadline_passed', message };
        return { how: 'timed-out', error, chance, scope: 'total', settled };
      }
      case 'cancel':
        return { how: 'stopped', settled };
      case 'drain':
      case 'fenced':
      case null:
        return { how: 'handed-back', begun: true };
    }
  }

  #end(end: EndOfAttempt): void {
    this.#ended = true;
    if ('error' in end) this.#fault = end.error;
    this.#span?.set('holdfast.end', end.how);
    const notes = this.#pad === null ? null : this.#host.notes.close(this.#pad);
    const parts = this.#outlet === null ? null : this.#host.parts.close(this.#outlet);
    if (notes === null && parts === null) {
      this.#host.ended(this, end);
      return;
    }
    this.#host.ending(this);
    void Promise.all([notes, parts]).then(() => this.#host.ended(this, end));
  }

  #settle(lingered: boolean): void {
    this.#settled = true;
    this.#timer?.cancel();
    this.#timer = null;
    this.#span?.end(this.#fault);
    this.#host.settled(this, lingered);
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  'then' in value &&
  typeof value.then === 'function';

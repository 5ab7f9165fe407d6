/**
 * Owns what a handler is given beside its input.
 *
 * C1 Everything that costs something is made when it is first asked for: most handlers ask for
 *    little.
 * C2 Logging never throws and never waits. Over its bounds it drops, and counts what it dropped.
 * C3 Once the attempt has ended, log, progress, state and emit do nothing: what they are given
 *    could not be kept under the fence.
 */
import type { Fence } from '../core/fence.ts';
import type { WallMs } from '../core/time.ts';
import type { LogLevel } from '../ports/log.ts';
import type { PartData } from '../ports/store-parts.ts';
import type { CallFacts, CallPart, Later } from './calls/words.ts';
import type { DeclaredState } from './declared-state.ts';
import type { ChildFunction, ChildOptions } from './durable/child-words.ts';
import type { DurableContext } from './durable/words.ts';

/** Logs lines that are kept with the run (`hf.runs.logs(id)`), at most 1,000 of a run. */
export type RunLogger = {
  readonly [level in LogLevel]: (
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ) => void;
};

/** Makes the stream of a run, part by part. */
export interface Emit {
  /**
   * Adds a part, text or bytes, to the stream of the run (`hf.runs.parts(id)`). Returns at once;
   * parts are kept in order, many in one write. False: a lot waits to be written, so that you had
   * better await `drained`. Throws `payload.too_large` for a part over 1 MiB, and `parts.full`
   * when far too much waits.
   *
   * @example
   * for await (const token of model.stream(prompt)) {
   *   if (!ctx.emit(token)) await ctx.emit.drained();
   * }
   */
  (part: PartData): boolean;
  /**
   * Resolves when every part so far is in the store. Rejects with `attempt.over`, or the reason of
   * `ctx.signal`, when they will not be.
   */
  drained(): Promise<void>;
}

/** What a handler knows of its run. */
export interface RunContext extends DurableContext, CallPart {
  readonly runId: string;
  /** From 1. */
  readonly attempt: number;
  /** Grows with every change of owner: hand it to systems that can refuse late writes. */
  readonly fence: Fence;
  /**
   * Aborts when the run is cancelled, its time is over, the node drains or lost its lease. Its
   * reason is a HoldfastError that says which. A handler that ignores it past its grace loses the
   * run all the same.
   */
  readonly signal: AbortSignal;
  readonly log: RunLogger;
  /**
   * Keeps a small JSON value as the run's progress; the last one counts. Throws
   * `payload.too_large`.
   */
  progress(value: unknown): void;
  /** What the run says of itself under names, for whoever asks while it goes on. */
  readonly state: DeclaredState;
  /** Adds to the stream of the run what its readers see at once. */
  readonly emit: Emit;
  readonly tenant: string;
  readonly lane: string | null;
  readonly tags: readonly string[];
  /** When the run must be done, in milliseconds since the epoch, or null. */
  readonly deadlineAt: WallMs | null;
  /**
   * The trace of this attempt as the header `traceparent` of W3C, or null: for calls that
   * OpenTelemetry does not see. Without its SDK, what the run was started with.
   */
  readonly traceparent: string | null;
}

/** Whoever executes an attempt answers its context. */
export interface ContextSource {
  readonly run: {
    readonly id: string;
    readonly attempt: number;
    readonly fence: Fence;
    readonly tenant: string;
    readonly lane: string | null;
    readonly tags: readonly string[];
    readonly deadlineAt: WallMs | null;
  };
  readonly trace: string | null;
  /** Null: it is run, not called. */
  readonly call: CallFacts | null;
  later<Output>(): Later<Output>;
  signal(): AbortSignal;
  keepLine(level: LogLevel, message: string, fields: unknown): void;
  keepProgress(value: unknown): void;
  /** Made when it is first asked for. */
  declared(): DeclaredState;
  emitPart(part: unknown): boolean;
  partsDrained(): Promise<void>;
  /** Made when it is first asked for. */
  durable(): DurableContext;
}

/** The context of one attempt. Its members can be taken apart: `({ log, signal }) => ...`. */
export class AttemptContext implements RunContext {
  readonly #source: ContextSource;
  #log: RunLogger | null = null;
  #emit: Emit | null = null;

  constructor(source: ContextSource) {
    this.#source = source;
  }

  get runId(): string {
    return this.#source.run.id;
  }

  get attempt(): number {
    return this.#source.run.attempt;
  }

  get fence(): Fence {
    return this.#source.run.fence;
  }

  get tenant(): string {
    return this.#source.run.tenant;
  }

  get lane(): string | null {
    return this.#source.run.lane;
  }

  get tags(): readonly string[] {
    return this.#source.run.tags;
  }

  get deadlineAt(): WallMs | null {
    return this.#source.run.deadlineAt;
  }

  get traceparent(): string | null {
    return this.#source.trace;
  }

  get signal(): AbortSignal {
    return this.#source.signal();
  }

  get call(): CallFacts | null {
    return this.#source.call;
  }

  get later(): CallPart['later'] {
    return () => this.#source.later();
  }

  get log(): RunLogger {
    this.#log ??= loggerOf(this.#source);
    return this.#log;
  }

  get progress(): (value: unknown) => void {
    return (value) => this.#source.keepProgress(value);
  }

  get state(): DeclaredState {
    return this.#source.declared();
  }

  get emit(): Emit {
    const source = this.#source;
    this.#emit ??= Object.assign((part: PartData) => source.emitPart(part), {
      drained: () => source.partsDrained(),
    });
    return this.#emit;
  }

  get step(): DurableContext['step'] {
    return (name, run, options) => this.#source.durable().step(name, run, options);
  }

  get transaction(): DurableContext['transaction'] {
    return (name, run, options) => this.#source.durable().transaction(name, run, options);
  }

  get sleep(): DurableContext['sleep'] {
    return (ms, options) => this.#source.durable().sleep(ms, options);
  }

  get sleepUntil(): DurableContext['sleepUntil'] {
    return (at, options) => this.#source.durable().sleepUntil(at, options);
  }

  get waitFor(): DurableContext['waitFor'] {
    return (event, options) => this.#source.durable().waitFor(event, options);
  }

  get approval(): DurableContext['approval'] {
    return (name, options) => this.#source.durable().approval(name, options);
  }

  get waitForSignal(): DurableContext['waitForSignal'] {
    return (names, options) => this.#source.durable().waitForSignal(names, options);
  }

  get start(): DurableContext['start'] {
    return <Input, Output>(
      fn: ChildFunction<Input, Output> | string,
      input: Input,
      options?: ChildOptions,
    ) => this.#source.durable().start(fn as ChildFunction<Input, Output>, input, options);
  }

  get all(): DurableContext['all'] {
    return <Input, Output>(
      fn: ChildFunction<Input, Output> | string,
      inputs: Iterable<Input> | AsyncIterable<Input>,
      options?: ChildOptions,
    ) => this.#source.durable().all(fn as ChildFunction<Input, Output>, inputs, options);
  }

  get now(): DurableContext['now'] {
    return () => this.#source.durable().now();
  }

  get random(): DurableContext['random'] {
    return () => this.#source.durable().random();
  }

  get uuid(): DurableContext['uuid'] {
    return () => this.#source.durable().uuid();
  }
}

function loggerOf(source: ContextSource): RunLogger {
  return {
    debug: (message, fields) => source.keepLine('debug', message, fields),
    info: (message, fields) => source.keepLine('info', message, fields),
    warn: (message, fields) => source.keepLine('warn', message, fields),
    error: (message, fields) => source.keepLine('error', message, fields),
  };
}

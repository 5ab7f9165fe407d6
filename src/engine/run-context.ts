/**
 * Owns what a handler is given beside its input.
 *
 * C1 Everything that costs something is made when it is first asked for: most handlers ask for
 *    little.
 * C2 Logging never throws and never waits. Over its bounds it drops, and counts what it dropped.
 * C3 Once the attempt has ended, log and progress do nothing: they could not be kept under the
 *    fence.
 */
import type { Fence } from '../core/fence.ts';
import type { WallMs } from '../core/time.ts';
import type { LogLevel } from '../ports/log.ts';

/** Logs lines that are kept with the run (`hf.runs.logs(id)`), at most 1,000 of a run. */
export type RunLogger = {
  readonly [level in LogLevel]: (
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ) => void;
};

/** What a handler knows of its run. */
export interface RunContext {
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
  readonly tenant: string;
  readonly lane: string | null;
  readonly tags: readonly string[];
  /** When the run must be done, in milliseconds since the epoch, or null. */
  readonly deadlineAt: WallMs | null;
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
  signal(): AbortSignal;
  keepLine(level: LogLevel, message: string, fields: unknown): void;
  keepProgress(value: unknown): void;
}

/** The context of one attempt. Its members can be taken apart: `({ log, signal }) => ...`. */
export class AttemptContext implements RunContext {
  readonly #source: ContextSource;
  #log: RunLogger | null = null;

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

  get signal(): AbortSignal {
    return this.#source.signal();
  }

  get log(): RunLogger {
    this.#log ??= loggerOf(this.#source);
    return this.#log;
  }

  get progress(): (value: unknown) => void {
    return (value) => this.#source.keepProgress(value);
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

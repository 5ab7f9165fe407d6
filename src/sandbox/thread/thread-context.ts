/**
 * Owns what a handler in a thread is given beside its input.
 *
 * C1 It is what of a run's context can be told from thread to thread. Steps and waits take the
 *    thread of the runtime.
 */
import type { LogLevel } from '../../ports/log.ts';
import type { PartData } from '../../ports/store-parts.ts';
import type { ThreadCallFacts } from './thread-wire.ts';

/** The context of a handler in a thread. */
export interface ThreadContext extends ThreadCallFacts {
  /** Aborts when the run is to stop. A handler that ignores it is ended with its thread. */
  readonly signal: AbortSignal;
  /** Logs lines that are kept with the run. */
  readonly log: {
    readonly [level in LogLevel]: (
      message: string,
      fields?: Readonly<Record<string, unknown>>,
    ) => void;
  };
  /** Keeps a small JSON value as the run's progress. */
  progress(value: unknown): void;
  /** Adds a part, text or bytes, to the stream of the run. */
  emit(part: PartData): void;
}

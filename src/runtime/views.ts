/**
 * Owns how runs look to users: like the store's views, with JSON parsed.
 */

import type { WallMs } from '../core/time.ts';
import type { LogLevel } from '../ports/log.ts';
import type { PauseView, RunDetail, RunView } from '../ports/store-reads.ts';

/** A run as it is listed. Times are milliseconds since the epoch. */
export interface RunSummary extends Omit<RunView, 'progress'> {
  /** The last value of `ctx.progress`, or null. */
  readonly progress: unknown;
}

/** A run with everything that is kept of it. */
export interface Run extends Omit<RunDetail, 'progress' | 'input' | 'result'> {
  readonly progress: unknown;
  readonly input: unknown;
  /** Null until it succeeded. */
  readonly result: unknown;
}

/** A line that a handler logged. */
export interface RunLogLine {
  /** Counts the lines of the run. */
  readonly n: number;
  readonly at: WallMs;
  readonly attempt: number;
  readonly level: LogLevel;
  readonly message: string;
  /** What was given with the line, or null. */
  readonly fields: unknown;
}

/** A function that somebody hosts, or that is paused. */
export interface FunctionView {
  readonly name: string;
  readonly versions: readonly string[];
  /** Names of the live nodes that execute it. */
  readonly nodes: readonly string[];
  /** Whether this runtime was given its definition. */
  readonly here: boolean;
  readonly pause: PauseView | null;
}

const parsed = (text: string | null): unknown => (text === null ? null : JSON.parse(text));

/** A listed run for users. */
export const summaryOf = (view: RunView): RunSummary => ({
  ...view,
  progress: parsed(view.progress),
});

/** A whole run for users. */
export const runOf = (detail: RunDetail): Run => ({
  ...detail,
  progress: parsed(detail.progress),
  input: parsed(detail.input),
  result: parsed(detail.result),
});

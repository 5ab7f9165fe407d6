/**
 * Owns how runs look to users: like the store's views, with values in the place of texts. What this
 * runtime cannot read is shown as it is stored.
 */

import type { ErrorDetail } from '../core/outcome.ts';
import type { Payloads } from '../core/payload.ts';
import type { WallMs } from '../core/time.ts';
import type { LogLevel } from '../ports/log.ts';
import type { PauseView, PinnedRuns, RunDetail, RunView } from '../ports/store-reads.ts';
import type { StepKind, StepRow, StepWait } from '../ports/store-steps.ts';

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

/** Something that the code of a run has done, does, or waits for. */
export interface RunStep {
  /** Names it within its run: `kind/name`, and `#2` and so on for later uses. */
  readonly key: string;
  /** Counts the steps of the run in the order in which they were first heard of. */
  readonly ord: number;
  readonly kind: StepKind;
  /**
   * `running`: its end is not known. If the run is not running, or in a later attempt, its owner
   * died or left in the middle of it.
   */
  readonly state: 'running' | 'waiting' | 'returned' | 'threw' | 'timed-out';
  /** The attempt of the run in which it last began, and how often it was tried there. */
  readonly attempt: number;
  readonly tries: number;
  readonly begunAt: WallMs;
  readonly endedAt: WallMs | null;
  /** When a wait is over at the latest, or null. */
  readonly wakeAt: WallMs | null;
  /** The name of the event that it waits for, or the names of signals; or null. */
  readonly event: string | null;
  /** By which a decision is made, or null. */
  readonly token: string | null;
  /** What it gave, or null. */
  readonly value: unknown;
  readonly error: ErrorDetail | null;
}

/** A function that somebody hosts, that is paused, or that has runs of one version. */
export interface FunctionView {
  readonly name: string;
  readonly versions: readonly string[];
  /** Names of the live nodes that execute it. */
  readonly nodes: readonly string[];
  /** Whether this runtime was given its definition. */
  readonly here: boolean;
  readonly pause: PauseView | null;
  /** Versions that unfinished runs of it are pinned to, and whether a live node hosts them. */
  readonly pinned: readonly (Omit<PinnedRuns, 'fn'> & { readonly hosted: boolean })[];
}

/** A listed run for users. */
export const summaryOf = (view: RunView, payloads: Payloads): RunSummary => ({
  ...view,
  progress: payloads.shown(view.progress),
});

/** A whole run for users. */
export const runOf = (detail: RunDetail, payloads: Payloads): Run => ({
  ...detail,
  progress: payloads.shown(detail.progress),
  input: payloads.shown(detail.input),
  result: payloads.shown(detail.result),
});

/** A step for users. */
export function stepOf({ wait, end, ...row }: StepRow, payloads: Payloads): RunStep {
  const { key, ord, kind, attempt, tries, begunAt } = row;
  return {
    ...{ key, ord, kind, attempt, tries, begunAt },
    state: end?.how ?? (wait === null ? 'running' : 'waiting'),
    endedAt: end?.at ?? null,
    wakeAt: wait?.wakeAt ?? null,
    event: wait === null ? null : heardFor(kind, wait),
    token: wait?.token ?? null,
    value: givenBy(kind, end?.value ?? null, payloads),
    error: end?.error ?? null,
  };
}

/** The name of an event, or the names of signals. */
function heardFor(kind: StepKind, { event }: StepWait): string | null {
  if (event === null || kind !== 'signal') return event?.name ?? null;
  return (JSON.parse(event.paths) as readonly string[]).join(', ');
}

/** What an event or a signal gave holds its data beside its id and its time. */
function givenBy(kind: StepKind, text: string | null, payloads: Payloads): unknown {
  if ((kind !== 'event' && kind !== 'signal') || text === null) return payloads.shown(text);
  const heard: unknown = JSON.parse(text);
  if (typeof heard !== 'object' || heard === null || !('data' in heard)) return heard;
  return { ...heard, data: payloads.shownOf(heard.data) };
}

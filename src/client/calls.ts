/**
 * Owns how a call is written.
 */
import type { CallLaneView, CallStats, CallView } from '../runtime/calls/call-views.ts';
import type { CallWords } from '../runtime/calls/calls.ts';
import type { FunctionPool } from '../runtime/resources.ts';

/** What may be said about one call; each word overrules the definition. */
export type CallTerms = Omit<CallWords, 'signal' | 'onProgress'>;

/** What a process calls right now. */
export interface LiveCalls {
  readonly calls: readonly CallView[];
  readonly lanes: readonly CallLaneView[];
  /** VMs and threads, by the function that they are for. */
  readonly pools: readonly FunctionPool[];
  readonly stats: CallStats;
}

/** A call without a timeout ends with that of its function, which is a minute at the most here. */
const waitMsDefault = 60_000;

export const callWaitMs = ({ timeoutMs = waitMsDefault }: CallTerms): number => timeoutMs;

/** Makes the body of a call. */
export const callBody = (input: unknown, terms: CallTerms): object => ({
  ...terms,
  input: input ?? null,
});

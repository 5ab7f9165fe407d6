/**
 * Owns the states of a call: the volatile side of an execution, kept in memory and nowhere else.
 *
 * S1 A call is in exactly one status; `done` is terminal and holds the one outcome.
 * S2 There are few states and none holds a value or a time, so that each exists once: to change a
 *    state allocates nothing.
 * S3 A call that is `done` and `lingering` was answered while its code goes on: it still occupies
 *    its slot and its places.
 */
import type { OutcomeKind } from '../outcome.ts';

/** Waits for its lane, its function, its tenant or a slot; nothing of it was executed. */
export interface QueuedCall {
  readonly status: 'queued';
}

/** Its code is executing. `stopping`: it was told to stop and has its grace. */
export interface RunningCall {
  readonly status: 'running';
  readonly stopping: boolean;
}

/** Its code has settled and left the answer to somebody else. */
export interface AwaitingCall {
  readonly status: 'awaiting-result';
  readonly stopping: boolean;
}

/** Answered. `own`: by its code, and not in its place. */
export interface DoneCall {
  readonly status: 'done';
  readonly kind: OutcomeKind;
  readonly own: boolean;
  readonly lingering: boolean;
}

/** A call in one of its four statuses. */
export type CallState = QueuedCall | RunningCall | AwaitingCall | DoneCall;

/** One of the four status words. */
export type CallStatus = CallState['status'];

/** The status words, in the order of a life. */
export const callStatuses: readonly CallStatus[] = ['queued', 'running', 'awaiting-result', 'done'];

export const queued: QueuedCall = { status: 'queued' };
export const running: RunningCall = { status: 'running', stopping: false };
export const runningStopping: RunningCall = { status: 'running', stopping: true };
export const awaiting: AwaitingCall = { status: 'awaiting-result', stopping: false };
export const awaitingStopping: AwaitingCall = { status: 'awaiting-result', stopping: true };

/** Outcomes that the code of a call gives itself. */
export type OwnKind = 'succeeded' | 'failed';

/** Outcomes that a call can be given in its code's place. */
export type GivenKind = 'cancelled' | 'timed-out' | 'rejected';

const done = (kind: OutcomeKind, own: boolean, lingering: boolean): DoneCall => ({
  status: 'done',
  kind,
  own,
  lingering,
});

const both = (kind: OutcomeKind, own: boolean) => ({
  settled: done(kind, own, false),
  lingering: done(kind, own, true),
});

/** Every terminal state, by outcome and by whether the code has settled. */
export const doneStates = {
  succeeded: both('succeeded', true),
  failed: both('failed', true),
  cancelled: both('cancelled', false),
  'timed-out': both('timed-out', false),
  rejected: both('rejected', false),
} as const satisfies Record<
  OwnKind | GivenKind,
  { readonly settled: DoneCall; readonly lingering: DoneCall }
>;

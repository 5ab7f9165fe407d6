/**
 * Owns what can happen to a run, what follows from it, and why it may be refused.
 *
 * V1 Requests are imperative (`claim`), facts are past (`owner-died`).
 * V2 An event that speaks for an owner carries that owner's fence.
 * V3 Effects are done in the transaction that commits the new state, or, for `stop-owner`, after
 *    it.
 */
import type { Fence } from '../fence.ts';
import type { ErrorDetail, Outcome } from '../outcome.ts';
import type { RetryAdvice } from '../retry.ts';
import type { WallMs } from '../time.ts';
import type { OverdueCause } from './deadline.ts';
import type { NodeKey, Run } from './run.ts';

/** Events that speak for the owner; each names the fence under which it was made. */
export type OwnerEvent =
  | { readonly type: 'succeed'; readonly fence: Fence }
  | {
      readonly type: 'fail';
      readonly fence: Fence;
      readonly error: ErrorDetail;
      readonly advice?: RetryAdvice;
      /** In [0, 1): decides the jitter of the next delay. */
      readonly chance: number;
    }
  | {
      readonly type: 'time-out';
      readonly fence: Fence;
      readonly error: ErrorDetail;
      readonly chance: number;
      /** Whether the attempt's own timeout passed, or the total deadline of the run. */
      readonly scope: 'attempt' | 'total';
      /** False while code of the attempt is still executing. */
      readonly settled: boolean;
    }
  | { readonly type: 'stopped'; readonly fence: Fence; readonly settled: boolean }
  /** `begun`: the handler was called. */
  | { readonly type: 'hand-back'; readonly fence: Fence; readonly begun?: boolean }
  | { readonly type: 'park'; readonly fence: Fence; readonly wakeAt: WallMs | null }
  /** The code asks for other steps than were recorded. */
  | { readonly type: 'diverge'; readonly fence: Fence; readonly error: ErrorDetail };

/** Everything that can happen to a run. */
export type RunEvent =
  | OwnerEvent
  /** The due time came, the delay of a retry is over. */
  | { readonly type: 'came-due' }
  | { readonly type: 'grant-lane' }
  /** `counted`: the tenant has a limit and this run takes one place of it. */
  | { readonly type: 'grant-tenant'; readonly counted: boolean }
  /** The lane was paused, or the tenant's limit lowered, before the run was claimed. */
  | { readonly type: 'withdraw'; readonly to: 'lane' | 'tenant' }
  | { readonly type: 'claim'; readonly owner: NodeKey }
  | { readonly type: 'cancel'; readonly reason: string }
  /** The total deadline passed while nobody owned the run. */
  | { readonly type: 'deadline-passed' }
  /**
   * The owner had to end the attempt by now and did not, or nobody took up a run that was to clean
   * up; judged by the store's clock.
   */
  | { readonly type: 'overdue'; readonly cause: OverdueCause; readonly chance: number }
  | { readonly type: 'owner-died'; readonly fence: Fence; readonly evidence: ErrorDetail }
  /** What a parked run waited for has come. */
  | { readonly type: 'wake' }
  /** An operator puts a quarantined run back into the queue. */
  | { readonly type: 'release' }
  /** The code of that attempt, which had ended, has stopped at last (or its node is dead). */
  | { readonly type: 'settled'; readonly owner: NodeKey; readonly attempt: number };

/** How one attempt ended. Stored with its evidence. */
export type AttemptEnd =
  | 'succeeded'
  | 'failed'
  | 'timed-out'
  | 'cancelled'
  | 'crashed'
  | 'handed-back'
  | 'parked'
  | 'diverged';

/** What has to be done beside keeping the new state. */
export type RunEffect =
  | { readonly do: 'close-attempt'; readonly end: AttemptEnd; readonly error: ErrorDetail | null }
  | { readonly do: 'record-outcome'; readonly outcome: Outcome }
  /** A place of the lane became free: let the next run of the lane in. */
  | { readonly do: 'free-lane' }
  /** A place of the tenant's limit became free: let the tenant's next run in. */
  | { readonly do: 'free-tenant' }
  /** The run stands before a gate: try to pass it. */
  | { readonly do: 'seek-gate' }
  /** The run reached the last gate: fix its rank. */
  | { readonly do: 'fix-rank' }
  /** Tell the owner that it is asked to stop, and its family. */
  | { readonly do: 'stop-owner'; readonly owner: NodeKey }
  /** Nobody owns the run that is asked to stop: tell its family alone. */
  | { readonly do: 'stop-family' };

/** Why an event changes nothing. */
export type RunRefusal = 'run.illegal_transition' | 'run.already_done' | 'fence.stale';

/** The answer of the state machine: a next state with effects, or a refusal. Never an exception. */
export type RunStep =
  | { readonly ok: true; readonly next: Run; readonly effects: readonly RunEffect[] }
  | { readonly ok: false; readonly refusal: RunRefusal };

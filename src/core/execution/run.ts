/**
 * Owns the states of a run: a union in which each variant holds only what that state has.
 *
 * S1 A run is in exactly one status; `done` is terminal and holds the one outcome.
 * S2 `places` says what the run occupies right now: a place in its lane, a place of its tenant's
 *    limit. It is row state, so no counter exists that could leak.
 * S3 Policy is `RunTerms`, fixed when the run is accepted: later definitions do not change accepted
 *    runs.
 */
import type { Fence } from '../fence.ts';
import { fenceNone } from '../fence.ts';
import type { ErrorDetail, Outcome } from '../outcome.ts';
import type { RetryPolicy } from '../retry.ts';
import type { WallMs } from '../time.ts';

/**
 * Names one incarnation of one node: a number that the store gives at joining and never gives
 * again.
 */
export type NodeKey = number & { readonly __node: true };

/** Marks a stored number as a node key. */
export const nodeKeyOf = (value: number): NodeKey => value as NodeKey;

/**
 * The gates that a queued run passes, in this order: its time, its lane, its tenant's limit, a free
 * slot.
 */
export type Gate = 'time' | 'lane' | 'tenant' | 'slot';

/** What a run occupies. */
export interface Places {
  readonly lane: boolean;
  readonly tenant: boolean;
}

/** What every status has. */
export interface RunSpine {
  /** Attempts begun so far. */
  readonly attempt: number;
  readonly fence: Fence;
  /** Attempts that failed or timed out: they spend the retry budget. */
  readonly failures: number;
  /** Attempts whose owner died. */
  readonly crashes: number;
  readonly places: Places;
}

/** Why and since when an owner is asked to stop. */
export interface Stop {
  readonly cause: 'cancel' | 'deadline';
  readonly reason: string;
  readonly since: WallMs;
}

/** Waits at a gate. */
export interface QueuedRun extends RunSpine {
  readonly status: 'queued';
  readonly gate: Gate;
  readonly dueAt: WallMs;
  /** It was cancelled in the middle of its work, and is handed out once more, to clean up. */
  readonly stop: Stop | null;
}

/** Is executed by its owner. */
export interface RunningRun extends RunSpine {
  readonly status: 'running';
  readonly owner: NodeKey;
  readonly startedAt: WallMs;
  readonly stop: Stop | null;
}

/**
 * Waits outside of any slot: for a time or an event, or (`lingering`) for the code of its own last
 * attempt, which ignored its signal on that node and still occupies the run's places. Then `wakeAt`
 * is when its retry is due, until that time has come.
 */
export interface ParkedRun extends RunSpine {
  readonly status: 'parked';
  readonly wakeAt: WallMs | null;
  readonly lingering: NodeKey | null;
}

/**
 * Set aside after too many crashes of its owners, or because its code no longer fits its steps,
 * until an operator retries or cancels it.
 */
export interface QuarantinedRun extends RunSpine {
  readonly status: 'quarantined';
  readonly since: WallMs;
  readonly cause: ErrorDetail;
}

/**
 * Ended. `lingering` names the node where code of the run may still be executing and holds its
 * places.
 */
export interface DoneRun extends RunSpine {
  readonly status: 'done';
  readonly outcome: Outcome;
  readonly finishedAt: WallMs;
  readonly lingering: NodeKey | null;
}

/** A run in one of its five statuses. */
export type Run = QueuedRun | RunningRun | ParkedRun | QuarantinedRun | DoneRun;

/** One of the five status words. */
export type RunStatus = Run['status'];

/** The status words, in the order of a life. */
export const runStatuses: readonly RunStatus[] = [
  'queued',
  'running',
  'parked',
  'quarantined',
  'done',
];

/** What was agreed when the run was accepted. Stored format (as part of the policy and the row). */
export interface RunTerms {
  readonly hasLane: boolean;
  /** Steps or waits of its code are kept: there may be something to clean up. */
  readonly hasSteps: boolean;
  /** The run must be done by then, whatever happens. */
  readonly deadlineAt: WallMs | null;
  readonly retry: RetryPolicy;
  /** `retry`: another owner tries again. `lose`: at most once, the outcome is `lost`. */
  readonly onCrash: 'retry' | 'lose';
  /** Crashes after which the run is quarantined. */
  readonly crashesMax: number;
  /** Longest one attempt may take, or null. */
  readonly attemptTimeoutMs: number | null;
  /** How long code gets between the signal to stop and the end of its ownership. */
  readonly graceMs: number;
}

/** A newly accepted run, before it passes its first gate. */
export const acceptedRun = (dueAt: WallMs): QueuedRun => ({
  status: 'queued',
  gate: 'time',
  dueAt,
  stop: null,
  attempt: 0,
  fence: fenceNone,
  failures: 0,
  crashes: 0,
  places: { lane: false, tenant: false },
});

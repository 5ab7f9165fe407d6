/**
 * Owns the words in which the engine changes runs: batches of items, each with its own verdict.
 *
 * Q1 A verb is one transaction or a part of one; its promise resolves after the commit, never
 *    before.
 * Q2 Items are independent: a refusal of one changes nothing of the others.
 * Q3 Asking again after an unknown end (a lost answer) is safe: the fence, or the id, finds out.
 */
import type { AttemptEnd } from '../core/execution/event.ts';
import type { NodeKey } from '../core/execution/run.ts';
import type { Fence } from '../core/fence.ts';
import type { ErrorDetail, Outcome } from '../core/outcome.ts';
import type { RetryAdvice, RetryPolicy } from '../core/retry.ts';
import type { WallMs } from '../core/time.ts';
import type { ParentPlace } from './store-family.ts';
import type { StartFlow, StartHow } from './store-flow.ts';
import type { StateSet } from './store-signals.ts';
import type { StepWrite } from './store-steps.ts';
import type { Verdict } from './store-verdict.ts';

/** What a definition says about its runs. Kept once per content, not per run. Stored format. */
export interface RunPolicy {
  readonly retry: RetryPolicy;
  readonly onCrash: 'retry' | 'lose';
  readonly crashesMax: number;
  readonly attemptTimeoutMs: number | null;
  readonly graceMs: number;
}

/** A run to accept. All values have been checked by the caller. */
export interface StartItem {
  readonly id: string;
  /** Whether the id came from the user, so that meeting it again means the same run. */
  readonly idempotent: boolean;
  readonly fn: string;
  /** JSON text. */
  readonly input: string;
  readonly lane: string | null;
  readonly laneWidth: number;
  readonly tenant: string;
  readonly prioritySeconds: number;
  /** Null: as soon as it is accepted. */
  readonly dueAt: WallMs | null;
  readonly deadlineAt: WallMs | null;
  readonly tags: readonly string[];
  readonly policy: RunPolicy;
  /** The trace that it belongs to, as a `traceparent` of W3C. Left out: none. */
  readonly trace?: string | null;
  /** The terms of flow control that it is subject to. Left out: none. */
  readonly flow?: StartFlow;
  /** Whose child it is. Left out: nobody's. */
  readonly parent?: ParentPlace;
}

export type StartVerdict =
  | Verdict<
      {
        readonly id: string;
        /** False: it is a run that was there already. */
        readonly created: boolean;
        /** Why it was not created. Left out: by its id, with the same function and input. */
        readonly how?: Extract<StartHow, 'debounced' | 'unique'>;
      },
      'run.conflict' | 'tenant.full' | 'store.full' | 'lane.busy' | 'parent.over' | 'child.too_deep'
    >
  | {
      readonly ok: false;
      readonly code: 'rate.limited';
      readonly message: string;
      readonly retryAfterMs: number;
    };

/** A function that a node has room for. */
export interface ClaimedFunction {
  readonly fn: string;
  /** How many of its runs, of all versions together. */
  readonly runsMax: number;
  /** Hosted versions: of runs that are pinned only those of one of these are handed out. */
  readonly versions?: readonly string[];
}

/** What a node can take right now. */
export interface ClaimAsk {
  readonly node: NodeKey;
  /** Hosted functions that have room, and how much. */
  readonly functions: readonly ClaimedFunction[];
  readonly runsMax: number;
  /** Somebody said that there are runs. It changes no answer, only how a store prepares for it. */
  readonly told?: boolean;
}

/** A run handed to its new owner. */
export interface ClaimedRun {
  readonly seq: number;
  readonly id: string;
  readonly fn: string;
  /** The version whose code goes on with it; null: any may, since nothing is kept of it. */
  readonly pin: string | null;
  readonly attempt: number;
  readonly failures: number;
  readonly fence: Fence;
  /** JSON text. */
  readonly input: string;
  readonly lane: string | null;
  readonly tenant: string;
  readonly tags: readonly string[];
  readonly acceptedAt: WallMs;
  readonly deadlineAt: WallMs | null;
  /** The run that it does anew, or goes on from with its first steps; null: none. */
  readonly retryOf: string | null;
  /** As it was started with; that of the run that it does anew, if it does one. */
  readonly trace: string | null;
  /** It was cancelled in the middle of its work: its code is to clean up; absent: it was not. */
  readonly stop?: Pick<StopOrder, 'cause' | 'reason'>;
  readonly policy: RunPolicy;
}

/** An ownership, as the store has it. */
export interface OwnedRun {
  readonly seq: number;
  readonly attempt: number;
  readonly fence: Fence;
  /** Others ended it or parked it; it keeps its places until its code has stopped here. */
  readonly lingers: boolean;
}

/**
 * An ended attempt whose code has stopped. It names the attempt and not a fence: an owner that was
 * given up has lost its fence, and the number of the attempt is what the run keeps of it.
 */
export interface SettledItem {
  readonly seq: number;
  readonly attempt: number;
}

export type ClaimReply = Verdict<
  {
    readonly runs: readonly ClaimedRun[];
    /** The next time at which a run of the store comes due, or null: set a timer for it. */
    readonly nextDueAt: WallMs | null;
  },
  'node.fenced'
>;

/** How an owner ends its attempt. */
export type EndOfAttempt =
  | { readonly how: 'succeeded' /** JSON text. */; readonly result: string }
  | {
      readonly how: 'failed';
      readonly error: ErrorDetail;
      readonly advice?: RetryAdvice;
      readonly chance: number;
    }
  | {
      readonly how: 'timed-out';
      readonly error: ErrorDetail;
      readonly chance: number;
      readonly scope: 'attempt' | 'total';
      readonly settled: boolean;
    }
  | { readonly how: 'stopped'; readonly settled: boolean }
  | {
      /** Nothing is left to do before one of its waits has ended. */
      readonly how: 'parked';
      /** Waits that go on; what is recorded of them stands. */
      readonly waits: readonly StepWrite[];
      /** The greatest `nth` that its code has seen: with a greater one it does not wait. */
      readonly seen: number;
      /** As in `RecordItem`. */
      readonly pin?: string;
    }
  /** The code asks for other steps than were recorded: the run is set aside. */
  | { readonly how: 'diverged'; readonly error: ErrorDetail }
  | {
      readonly how: 'handed-back';
      /** The handler was called: a run that is executed at most once does not go back then. */
      readonly begun?: boolean;
    };

export interface EndItem {
  /** The id of the run, for whoever seals what it says; stores go by its number. */
  readonly id?: string;
  readonly seq: number;
  readonly fence: Fence;
  readonly end: EndOfAttempt;
}

export type EndVerdict = Verdict<
  {
    /** What became of the run: it has this outcome, or (null) it goes on some time. */
    readonly outcome: Outcome | null;
    /** True: an earlier sending of the same item had been committed already. */
    readonly repeated: boolean;
  },
  'fence.stale' | 'run.not_found' | 'run.illegal_transition' | 'run.already_done'
>;

/** Progress, declared state and log lines of a running attempt. */
export interface NoteItem {
  /** The id of the run, for whoever seals what it says; stores go by its number. */
  readonly id?: string;
  readonly seq: number;
  readonly fence: Fence;
  readonly attempt: number;
  /** JSON text, replaces the one before. */
  readonly progress?: string;
  /** Each replaces the value before under its name. */
  readonly state?: readonly StateSet[];
  readonly lines?: readonly LogLine[];
}

/** A line that a handler logged. Stored format. */
export interface LogLine {
  readonly at: WallMs;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  /** JSON text of further fields, or null. */
  readonly fields: string | null;
}

export type NoteVerdict = Verdict<
  {
    /** Lines over the bound of the run, dropped. */
    readonly dropped: number;
    /** Values of state under names over the bound of the run, which are not kept; absent: none. */
    readonly unkept?: number;
  },
  'fence.stale' | 'run.not_found'
>;

export interface CancelItem {
  readonly id: string;
  readonly reason: string;
}

export type CancelVerdict = Verdict<
  {
    /**
     * `cancelled`: it never ran on. `stopping`: its owner is asked, or the next one lets its code
     * clean up; the outcome follows within the grace, or when nobody took it up in time.
     */
    readonly state: 'cancelled' | 'stopping';
  },
  'run.not_found' | 'run.already_done'
>;

export interface RetryItem {
  readonly id: string;
  /** The id of the new run, in case that the old one has its outcome (which never changes). */
  readonly newId: string;
}

export type RetryVerdict = Verdict<
  {
    /** The run that will be executed: the same if it was quarantined, else a new one. */
    readonly id: string;
    readonly created: boolean;
  },
  'run.not_found' | 'run.illegal_transition' | 'tenant.full' | 'store.full'
>;

export interface RepinItem {
  readonly id: string;
  /** The version whose code goes on with the run; null: any that is hosted. */
  readonly pin: string | null;
}

export type RepinVerdict = Verdict<
  {
    readonly id: string;
    /** Where it was pinned before. */
    readonly before: string | null;
  },
  'run.not_found' | 'run.illegal_transition' | 'run.already_done'
>;

/** A run that its owner has to stop, or has lost. */
export interface StopOrder {
  readonly seq: number;
  readonly fence: Fence;
  readonly cause: 'cancel' | 'deadline';
  readonly reason: string;
}

/** What a sweep did. */
export interface SweepReply {
  /** Runs that came due and moved to their next gate. */
  readonly due: number;
  /** Runs ended because their deadline passed, or their owner did not end them in time. */
  readonly ended: number;
  /** More is waiting: sweep again at once. */
  readonly more: boolean;
  readonly nextDueAt: WallMs | null;
}

/** A closed attempt, kept as evidence. */
export interface AttemptRow {
  readonly attempt: number;
  readonly node: string | null;
  readonly startedAt: WallMs;
  readonly endedAt: WallMs;
  readonly end: AttemptEnd;
  readonly error: ErrorDetail | null;
}

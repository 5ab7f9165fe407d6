/**
 * Owns the words in which runs, lanes, tenants and the store itself are looked at. Reads change
 * nothing.
 *
 * L1 Lists are read in keyset pages of bounded cost: a page may end early and says where to go on.
 */
import type { Gate, RunStatus } from '../core/execution/run.ts';
import type { Fence } from '../core/fence.ts';
import type { ErrorDetail, Outcome, OutcomeKind } from '../core/outcome.ts';
import type { WallMs } from '../core/time.ts';
import type { AttemptRow, LogLine } from './store-runs.ts';

/** A run as it is listed. */
export interface RunView {
  readonly seq: number;
  readonly id: string;
  readonly fn: string;
  /** The version whose code goes on with it, since it has kept steps of it; null: any may. */
  readonly pin: string | null;
  readonly status: RunStatus;
  /** Where a queued run stands, else null. */
  readonly gate: Gate | null;
  readonly lane: string | null;
  readonly laneWidth: number;
  readonly tenant: string;
  readonly prioritySeconds: number;
  readonly tags: readonly string[];
  readonly attempt: number;
  readonly failures: number;
  readonly crashes: number;
  readonly fence: Fence;
  readonly acceptedAt: WallMs;
  /** When it is due (queued), wakes (parked), or null. */
  readonly dueAt: WallMs | null;
  readonly startedAt: WallMs | null;
  readonly finishedAt: WallMs | null;
  readonly deadlineAt: WallMs | null;
  /** Name of the owner, while running. */
  readonly owner: string | null;
  /** The reason with which a running run is asked to stop. */
  readonly stopReason: string | null;
  readonly outcome: Outcome | null;
  /** Why it is quarantined. */
  readonly quarantine: ErrorDetail | null;
  readonly retryOf: string | null;
  /** JSON text of the last progress. */
  readonly progress: string | null;
}

/** A run with everything that is kept of it. */
export interface RunDetail extends RunView {
  /** JSON text. */
  readonly input: string;
  /** JSON text, once it succeeded and while it is retained. */
  readonly result: string | null;
  readonly attempts: readonly AttemptRow[];
  readonly logLines: number;
  readonly logLinesDropped: number;
  /** The id of the run whose code started it, while that one is kept; null: nobody's. */
  readonly parent: string | null;
  /** Runs that its code started, and those of them that have not ended: up to 10,000 of each. */
  readonly children: number;
  readonly childrenOpen: number;
}

/** Which runs; every given filter must hold. */
export interface RunFilter {
  readonly status?: RunStatus;
  readonly outcome?: OutcomeKind;
  readonly fn?: string;
  readonly lane?: string;
  readonly tenant?: string;
  readonly tag?: string;
  readonly acceptedAfter?: WallMs;
  readonly acceptedBefore?: WallMs;
}

export interface RunPageAsk {
  readonly filter: RunFilter;
  /** Newest first: rows with a smaller seq than this. Null: from the newest. */
  readonly before: number | null;
  readonly rowsMax: number;
}

export interface RunPage {
  readonly runs: readonly RunView[];
  /** Where the next page begins, or null at the end. */
  readonly next: number | null;
}

/** The end of a run, as somebody who waits for it wants it. */
export interface RunEnd {
  readonly id: string;
  readonly outcome: Outcome;
  readonly result: string | null;
}

/** A lane with somebody in it. */
export interface LaneView {
  readonly lane: string;
  readonly paused: boolean;
  /** Ids of the runs that hold a place, oldest first (bounded by the width). */
  readonly holders: readonly string[];
  readonly waiting: number;
  readonly oldestWaitingAt: WallMs | null;
}

export interface TenantTerms {
  readonly tenant: string;
  readonly weight: number;
  /** How many may be eligible or running at once; null: no limit. */
  readonly runningMax: number | null;
  /** How many may wait; null: no limit. */
  readonly waitingMax: number | null;
}

/** What of a tenant's terms is to change; what is not given stays. */
export type TenantTermsChange = Pick<TenantTerms, 'tenant'> & Partial<TenantTerms>;

export interface TenantView extends TenantTerms {
  readonly holding: number;
}

/** A paused function or lane. */
export interface PauseView {
  readonly kind: 'function' | 'lane';
  readonly key: string;
  readonly reason: string;
  readonly since: WallMs;
}

/** Facts from which one sentence explains why a run is not moving. */
export interface ExplainFacts {
  readonly run: RunView;
  readonly laneHolders: readonly RunView[];
  readonly laneAhead: number;
  readonly tenant: TenantView | null;
  readonly pauses: readonly PauseView[];
  /** Live nodes that host the function, in the version that the run is pinned to. */
  readonly hosts: number;
  /** Live nodes at all. */
  readonly nodes: number;
  /** Eligible runs of the same function and pin that go first (counted up to a bound). */
  readonly slotAhead: number;
  /** What its function's nodes say that decides when a run of it is due, or null. */
  readonly timed: 'debounce' | 'throttle' | null;
  /** Runs that its code started and that have not ended (counted up to a bound). */
  readonly childrenOpen: number;
  readonly now: WallMs;
}

/** Unfinished runs that are pinned to one version of a function. */
export interface PinnedRuns {
  readonly fn: string;
  readonly version: string;
  /** All that are unfinished, and of these the ones that could begin if a node took them. */
  readonly unfinished: number;
  readonly waiting: number;
}

/** Runs by status and outcome. */
export type RunCounts = Readonly<Record<RunStatus | OutcomeKind, number>>;

/** How long finished runs are kept, by outcome, and events; null keeps them for ever. */
export type Retention = Readonly<Record<OutcomeKind, number | null>> & {
  readonly event?: number | null;
};

/** What a store says of itself when it is examined. */
export interface StoreFinding {
  readonly check: string;
  readonly level: 'ok' | 'warn' | 'bad';
  /** What was seen, and, when it is not well, what to do. */
  readonly message: string;
}

/** Which log lines; every word that is given must hold. */
export interface LogFilter {
  readonly attempt?: number;
  /** Lines of this level, and of those that are more important. */
  readonly level?: LogLine['level'];
}

export interface LogPage {
  readonly lines: readonly (LogLine & { readonly n: number; readonly attempt: number })[];
  readonly next: number | null;
  readonly dropped: number;
}

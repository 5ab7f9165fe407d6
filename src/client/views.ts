/**
 * Owns how what the server sends looks to users of the client: as in the library, without what does
 * not leave the process. Types only.
 */

import type { KeyScope } from '../core/access.ts';
import type { RunStatus } from '../core/execution/run.ts';
import type { OutcomeKind } from '../core/outcome.ts';
import type { ExplainFacts, LaneView, RunCounts, TenantView } from '../ports/store-reads.ts';
import type { RunChild, RunChildren } from '../runtime/children.ts';
import type { DeclaredValue } from '../runtime/signals.ts';
import type {
  FunctionView,
  Run as LibraryRun,
  RunStep as LibraryStep,
  RunSummary as LibrarySummary,
  RunLogLine,
} from '../runtime/views.ts';
import type { ClientError } from './error.ts';

export type { DeclaredValue, FunctionView, LaneView, RunChild, RunCounts, RunLogLine, TenantView };

/** A run as it is listed. Times are milliseconds since 1970. */
export type RunSummary = Omit<LibrarySummary, 'seq'>;

/** A run with everything that is kept of it. */
export type Run = Omit<LibraryRun, 'seq'>;

/** Something that the code of a run has done, does, or waits for. */
export type RunStep = Omit<LibraryStep, 'token'>;

/** Why a run is where it is, and the facts behind it. */
export interface Explained {
  readonly sentence: string;
  readonly facts: Omit<ExplainFacts, 'run' | 'laneHolders' | 'laneAhead' | 'slotAhead'> & {
    readonly run: RunSummary;
    readonly laneHolders: readonly RunSummary[];
    /** How many stand before the run; null for a key of a tenant. */
    readonly laneAhead: number | null;
    readonly slotAhead: number | null;
  };
}

/** Which runs: every word that is given must hold. Times are milliseconds since 1970. */
export interface RunQuery {
  readonly status?: RunStatus | undefined;
  readonly outcome?: OutcomeKind | undefined;
  readonly fn?: string | undefined;
  readonly lane?: string | undefined;
  readonly tenant?: string | undefined;
  readonly tag?: string | undefined;
  readonly acceptedAfter?: number | undefined;
  readonly acceptedBefore?: number | undefined;
}

/** A page of runs. It may be short before the end: `next` says whether there is more. */
export interface RunPage {
  readonly runs: readonly RunSummary[];
  readonly next: string | null;
}

/** Runs that the code of a run has started; `next` is the `cursor` of the page behind, or null. */
export type ChildPage = RunChildren;

/** A page of the steps of a run; `next` is the `after` of the page behind it, or null. */
export interface StepPage {
  readonly steps: readonly RunStep[];
  readonly next: number | null;
}

/** A page of the log of a run; `next` is the `after` of the page behind it, or null. */
export interface LogPage {
  readonly lines: readonly RunLogLine[];
  readonly next: number | null;
  /** Lines past the bound, which were not kept. */
  readonly dropped: number;
}

/** A node. */
export interface NodeView {
  readonly node: number;
  readonly name: string;
  readonly hostName: string;
  readonly pid: number;
  readonly state: 'live' | 'draining' | 'dead' | 'left';
  readonly joinedAt: number;
  readonly ttlMs: number;
  readonly renewedAgoMs: number;
  readonly leaseOver: boolean;
  readonly slots: number;
  readonly running: number;
  readonly functions: readonly { readonly fn: string; readonly version: string }[];
}

/** A bulk action that goes on behind its request. */
export interface Operation {
  readonly id: string;
  readonly action: 'cancel' | 'retry' | 'redrive' | 'discard';
  readonly filter: RunQuery;
  readonly reason: string | null;
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** Runs that matched so far, and how many of them were changed. */
  readonly matched: number;
  readonly changed: number;
  /** Why it failed, or null. */
  readonly problem: Readonly<Record<string, unknown>> | null;
}

/** What the key of a client may do. */
export interface Caller {
  /** The id of the key, or null without one. */
  readonly key: string | null;
  readonly scope: KeyScope;
  /** The one tenant that it sees, or null for the whole store. */
  readonly tenant: string | null;
}

/** What became of one run of `startMany`. */
export type Started<Handle> =
  | { readonly ok: true; readonly run: Handle }
  | { readonly ok: false; readonly error: ClientError };

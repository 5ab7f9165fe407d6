/**
 * Owns the words in which nodes prove that they live, and are proven dead.
 *
 * N1 One row and one heartbeat for a node, however many runs it owns.
 * N2 The store's clock is the judge of others; a node trusts itself only until
 *    `last renewal started + ttl - margin` on its own monotonic clock.
 * N3 A node that was declared dead never comes back under the same key: its renewal is refused.
 */
import type { NodeKey } from '../core/execution/run.ts';
import type { ErrorDetail } from '../core/outcome.ts';
import type { MonoMs, WallMs } from '../core/time.ts';
import type { ProcessIdentity } from './process-table.ts';
import type { ToldFlow } from './store-flow.ts';
import type { RunPolicy, StopOrder } from './store-runs.ts';
import type { Verdict } from './store-verdict.ts';

/** What a node says of itself when it joins. */
export interface NodeCard {
  /** For people; need not be unique. */
  readonly name: string;
  readonly process: ProcessIdentity;
  readonly ttlMs: number;
  readonly slots: number;
  readonly functions: readonly HostedFunction[];
}

/**
 * A function that a node can execute. `digest` stands for everything in the definition but its
 * code.
 */
export interface HostedFunction {
  readonly fn: string;
  readonly version: string;
  readonly digest: string;
  /** Absent: whoever starts it by name gets the default policy, and no lane. */
  readonly start?: StartTerms;
}

/** What a caller who knows only the name of a function needs to start it. Stored format. */
export interface StartTerms {
  readonly policy: RunPolicy;
  readonly laneWidth: number;
  readonly totalMs: number | null;
  readonly lane: string | null;
  /** It is computed from the input, which takes the definition. */
  readonly laneComputed: boolean;
  readonly tenant: string | null;
  readonly tenantComputed: boolean;
  readonly prioritySeconds: number | null;
  readonly tags: readonly string[] | null;
  /** Names of the signals that it takes. Absent: an earlier version told, which knew of none. */
  readonly signals?: readonly string[];
  /** Left out: the function has no terms of flow control. */
  readonly flow?: ToldFlow;
}

export type JoinVerdict = Verdict<{ readonly node: NodeKey }, 'function.conflict'>;

/** A node as others see it. */
export interface NodeRow {
  readonly node: NodeKey;
  readonly name: string;
  readonly process: ProcessIdentity;
  readonly state: 'live' | 'draining' | 'dead' | 'left';
  readonly joinedAt: WallMs;
  readonly ttlMs: number;
  /** How long ago it last renewed, and whether its lease is over, by the store's clock. */
  readonly renewedAgoMs: number;
  readonly leaseOver: boolean;
  /** True when the store's host was rebooted since: whoever had this row cannot be alive. */
  readonly bootOver: boolean;
  readonly slots: number;
  readonly running: number;
  readonly functions: readonly HostedFunction[];
}

/**
 * A node as a heartbeat sees it. `running` may be null while the node has not ended: a store need
 * not count for every heartbeat what nobody decides by.
 */
export type SeenNode = Omit<NodeRow, 'running'> & { readonly running: number | null };

/** What a heartbeat brings back. */
export interface Beat {
  readonly nodes: readonly SeenNode[];
  readonly stops: readonly StopOrder[];
}

/** How a node's heartbeat is kept. */
export interface KeepAlive {
  readonly node: NodeKey;
  readonly everyMs: number;
  readonly ttlMs: number;
  /** Called after each renewal. */
  readonly onBeat: (beat: Beat) => void;
  /** Called once when a renewal is refused: the node was declared dead. No more beats follow. */
  readonly onFenced: () => void;
}

/** Keeps one node's lease without the help of the event loop that executes handlers. */
export interface Keeper {
  /** When the last successful renewal was *started*, on this process's monotonic clock. */
  lastRenewalStarted(): MonoMs;
  /**
   * Renews now and not when it is due, where the store's clock stands between two renewals: so a
   * lease that is over is seen to be over. Does nothing while a renewal is under way.
   */
  readonly hurry?: () => void;
  stop(): Promise<void>;
}

/** Why a node is held to be dead. Only a lease that is over is checked by the store itself. */
export interface DeathEvidence {
  readonly kind: 'process-gone' | 'boot-changed' | 'lease-over' | 'left';
  readonly detail: ErrorDetail;
}

export type RecoverVerdict = Verdict<
  {
    /** Runs taken from the dead node by this call, and what became of them. */
    readonly requeued: number;
    readonly quarantined: number;
    readonly ended: number;
    /** More of its runs are left: call again. */
    readonly more: boolean;
  },
  'node.alive' | 'node.not_found'
>;

/**
 * Owns the port to the truth: every store is an adapter of this interface and passes one contract
 * suite.
 *
 * Faults (the world failed) reject with `store.*`; refusals are verdicts. After a fault the end of
 * the verb is unknown: asking again is safe (Q3).
 */
import type { NodeKey } from '../core/execution/run.ts';
import type { FamilyVerbs } from './store-family.ts';
import type {
  DeadAsk,
  DiscardItem,
  DiscardVerdict,
  RedriveItem,
  RedriveVerdict,
} from './store-flow.ts';
import type { KeyVerbs } from './store-keys.ts';
import type {
  DeathEvidence,
  JoinVerdict,
  KeepAlive,
  Keeper,
  NodeCard,
  NodeRow,
  RecoverVerdict,
} from './store-nodes.ts';
import type { PartVerbs } from './store-parts.ts';
import type {
  ExplainFacts,
  LaneView,
  LogFilter,
  LogPage,
  PauseView,
  PinnedRuns,
  Retention,
  RunCounts,
  RunDetail,
  RunEnd,
  RunPage,
  RunPageAsk,
  StoreFinding,
  TenantTermsChange,
  TenantView,
} from './store-reads.ts';
import type {
  CancelItem,
  CancelVerdict,
  ClaimAsk,
  ClaimReply,
  EndItem,
  EndVerdict,
  NoteItem,
  NoteVerdict,
  OwnedRun,
  RepinItem,
  RepinVerdict,
  RetryItem,
  RetryVerdict,
  SettledItem,
  StartItem,
  StartVerdict,
  StopOrder,
  SweepReply,
} from './store-runs.ts';
import type { SignalItem, SignalReads, SignalVerdict } from './store-signals.ts';
import type {
  AnswerItem,
  AnswerVerdict,
  EventItem,
  EventVerdict,
  ForkItem,
  ForkVerdict,
  RecordItem,
  RecordVerdict,
  StepPage,
} from './store-steps.ts';

/**
 * What a verb changed that others should hear of; the engine publishes it after the commit. `stop`:
 * an owner has something to look at, an order to stop or the end of a wait.
 */
export interface Woken {
  readonly ready: boolean;
  readonly stop: boolean;
  readonly done: boolean;
  /** A run with a parent or children ended or was told to stop: a sweep tells them. */
  readonly family?: boolean;
}

/** A reply with what it woke. */
export type Waking<T> = { readonly reply: T; readonly woken: Woken };

/** Where runs, nodes, lanes and tenants are kept. */
export interface Store extends KeyVerbs, PartVerbs, SignalReads, FamilyVerbs {
  readonly kind: 'memory' | 'sqlite' | 'postgres';

  /** Accepts runs. A verdict stands once the promise resolves: the run will reach an outcome. */
  start(items: readonly StartItem[]): Promise<Waking<readonly StartVerdict[]>>;
  /** Hands eligible runs to a live node, each under a new fence, in order of rank. */
  claim(ask: ClaimAsk): Promise<ClaimReply>;
  /** Ends attempts under their fences: an outcome, or back into the queue. */
  end(items: readonly EndItem[]): Promise<Waking<readonly EndVerdict[]>>;
  /** Keeps progress, declared state and log lines under the fence. */
  note(items: readonly NoteItem[]): Promise<readonly NoteVerdict[]>;
  /**
   * Says that lingering code of ended attempts has stopped on this node. Of an attempt that does
   * not linger here (any more) it changes nothing, however late it comes.
   */
  settled(node: NodeKey, items: readonly SettledItem[]): Promise<Waking<void>>;
  /** Keeps steps under the fence. The writes of one item are done together or not at all. */
  record(items: readonly RecordItem[]): Promise<Waking<readonly RecordVerdict[]>>;
  /** Keeps events and ends the waits that they are for, now or later. */
  emit(items: readonly EventItem[]): Promise<Waking<readonly EventVerdict[]>>;
  /** Ends waits by their tokens. */
  answer(items: readonly AnswerItem[]): Promise<Waking<readonly AnswerVerdict[]>>;
  /** Keeps signals to runs that are not done, and ends the waits that they are for. */
  signal(items: readonly SignalItem[]): Promise<Waking<readonly SignalVerdict[]>>;
  /** Starts runs with the first steps of others. */
  fork(items: readonly ForkItem[]): Promise<Waking<readonly ForkVerdict[]>>;
  cancel(items: readonly CancelItem[]): Promise<Waking<readonly CancelVerdict[]>>;
  retry(items: readonly RetryItem[]): Promise<Waking<readonly RetryVerdict[]>>;
  /** Tries dead letters again, each at most once. */
  redrive(items: readonly RedriveItem[]): Promise<Waking<readonly RedriveVerdict[]>>;
  /** Takes dead letters off the list for good; quarantined runs are cancelled. */
  discard(items: readonly DiscardItem[]): Promise<Waking<readonly DiscardVerdict[]>>;
  /**
   * Sends runs on with the code of another version: queued ones in their order, parked and
   * quarantined ones at once. Asked for again it changes nothing more.
   */
  repin(items: readonly RepinItem[]): Promise<Waking<readonly RepinVerdict[]>>;
  /**
   * Moves what is due, ends what is past its deadline or overdue, and waits that an event is for,
   * at most `rowsMax` of each.
   */
  sweep(rowsMax: number): Promise<Waking<SweepReply>>;
  /**
   * Deletes finished runs past their retention, at most `rowsMax`; `more` says whether to go on.
   */
  prune(
    retention: Retention,
    rowsMax: number,
  ): Promise<{ readonly pruned: number; readonly more: boolean }>;

  /** Pauses a function or a lane; what runs already goes on. */
  pause(kind: PauseView['kind'], key: string, reason: string): Promise<Waking<void>>;
  resume(kind: PauseView['kind'], key: string): Promise<Waking<boolean>>;
  /** Sets a tenant's weight and limits, exact from the moment the promise resolves. */
  setTenant(change: TenantTermsChange): Promise<Waking<void>>;

  join(card: NodeCard): Promise<JoinVerdict>;
  keepAlive(ask: KeepAlive): Keeper;
  /** Marks a node as draining, so that others know that it claims no more. */
  drain(node: NodeKey): Promise<void>;
  /** Marks a node as gone for good; it must own nothing any more. */
  leave(node: NodeKey): Promise<void>;
  /** Takes runs from a node that is proven dead or past its lease, at most `rowsMax`. */
  recover(node: NodeKey, evidence: DeathEvidence, rowsMax: number): Promise<Waking<RecoverVerdict>>;
  /** Runs of this node that are asked to stop. */
  stops(node: NodeKey): Promise<readonly StopOrder[]>;
  /** Runs that this node owns: by them it finds what a lost answer of `claim` had handed it. */
  owned(node: NodeKey, rowsMax: number): Promise<readonly OwnedRun[]>;
  nodes(): Promise<readonly NodeRow[]>;

  get(id: string): Promise<RunDetail | null>;
  list(ask: RunPageAsk): Promise<RunPage>;
  /**
   * Dead letters, newest first: runs that failed, timed out, were lost or are quarantined, and were
   * neither tried again nor discarded.
   */
  dead(ask: DeadAsk): Promise<RunPage>;
  /** Of the given ids, those that ended and those that the store does not know (any more). */
  ends(ids: readonly string[]): Promise<{
    readonly ended: readonly RunEnd[];
    readonly unknown: readonly string[];
  }>;
  explain(id: string): Promise<ExplainFacts | null>;
  /** Log lines of a run from after the given number; null: there is no such run. */
  logs(
    id: string,
    after: number | null,
    linesMax: number,
    filter?: LogFilter,
  ): Promise<LogPage | null>;
  /** Steps of a run from after the given `ord`; null: there is no such run. */
  steps(id: string, after: number, rowsMax: number): Promise<StepPage | null>;
  lanes(rowsMax: number): Promise<readonly LaneView[]>;
  /** Tenants that have terms or runs of late, by name; with `only`, that one, whatever it has. */
  tenants(rowsMax: number, only?: string): Promise<readonly TenantView[]>;
  pauses(): Promise<readonly PauseView[]>;
  counts(): Promise<RunCounts>;
  /** Versions that unfinished runs are pinned to, at most `rowsMax`, by function and version. */
  pinned(rowsMax: number): Promise<readonly PinnedRuns[]>;
  /** Examines the store: its file, its settings, its invariants recomputed from rows. */
  examine(): Promise<readonly StoreFinding[]>;

  /** Waits for what is under way, then lets go of the store. */
  close(): Promise<void>;
}

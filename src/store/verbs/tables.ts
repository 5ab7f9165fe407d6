/**
 * Owns what the verbs of an embedded store see of its tables. Memory and SQLite implement it.
 *
 * Everything here is synchronous and happens inside one transaction that the adapter opened; what
 * is written is visible to later reads of the same transaction. Query methods rely on an index
 * each: their cost is that of the rows they return, whatever else is stored. Those that may look at
 * more say so.
 *
 * A1 `update` gets the row before and after, so that an adapter may write only what changed.
 * A2 No method decides anything: order, gates and refusals are the verbs' business.
 */
import type { OverdueCause } from '../../core/execution/deadline.ts';
import type { Gate, NodeKey } from '../../core/execution/run.ts';
import type { Fence } from '../../core/fence.ts';
import type { OutcomeKind } from '../../core/outcome.ts';
import type { ShareClock } from '../../core/rank.ts';
import type { WallMs } from '../../core/time.ts';
import type { ProcessIdentity } from '../../ports/process-table.ts';
import type { HostedFunction } from '../../ports/store-nodes.ts';
import type { PauseView, RunFilter, StoreFinding, TenantTerms } from '../../ports/store-reads.ts';
import type { AttemptRow, LogLine, RunPolicy } from '../../ports/store-runs.ts';

/** Where a run stands: its gate while queued, else its status. Stored format. */
export type Stage = Gate | 'running' | 'parked' | 'quarantined' | 'done';

/** What is fixed when a run is accepted. */
export interface RunFacts {
  readonly id: string;
  readonly fn: string;
  readonly lane: string | null;
  readonly laneWidth: number;
  readonly tenant: string;
  readonly prioritySeconds: number;
  readonly tags: readonly string[];
  /** Key of the policy in the policy table. */
  readonly policy: number;
  readonly acceptedAt: WallMs;
  readonly deadlineAt: WallMs | null;
  readonly retryOf: string | null;
}

/** What changes during a life. */
export interface RunState {
  readonly stage: Stage;
  readonly attempt: number;
  readonly fence: Fence;
  readonly failures: number;
  readonly crashes: number;
  readonly laneHeld: boolean;
  readonly tenantHeld: boolean;
  /** Queued: when due. Parked: when it wakes, or null. Else null. */
  readonly dueAt: WallMs | null;
  /** Gate `slot`: place in the order of hand-out, and the tag behind it. Else null. */
  readonly rank: number | null;
  readonly tag: number | null;
  /** Gate `tenant`: place among the tenant's waiting runs. Else null. */
  readonly waitKey: number | null;
  /** Running: the owner. Parked and done: the node whose code lingers, or null. */
  readonly owner: NodeKey | null;
  /** When the last attempt was claimed. */
  readonly startedAt: WallMs | null;
  readonly stopCause: 'cancel' | 'deadline' | null;
  readonly stopReason: string | null;
  readonly stopSince: WallMs | null;
  /** Running: when others may end the attempt, on the judge's clock, and why. */
  readonly overdueAt: number | null;
  readonly overdueCause: OverdueCause | null;
  readonly outcome: OutcomeKind | null;
  /** Done: when it ended. Quarantined: when it was set aside. */
  readonly finishedAt: WallMs | null;
  /** JSON text of the outcome's error, or of the cause of the quarantine. */
  readonly error: string | null;
}

/** One run, flat. `seq` is the order of acceptance. */
export interface RunRow extends RunFacts, RunState {
  readonly seq: number;
}

/** Runs and the indexes over them. */
export interface RunTable {
  /** Keeps a new run with its input and gives it the next seq. Seqs are never given again. */
  insert(row: RunFacts & RunState, input: string): number;
  /** The seq that the next `insert` will give. */
  nextSeq(): number;
  bySeq(seq: number): RunRow | undefined;
  byId(id: string): RunRow | undefined;
  update(before: RunRow, after: RunRow): void;
  /** Deletes the run with its input, result, attempts and log. */
  remove(seq: number): void;
  input(seq: number): string;
  result(seq: number): string | null;
  putResult(seq: number, result: string): void;

  /** Stage `slot` of one function, by (rank, seq). */
  ready(fn: string, rowsMax: number): readonly RunRow[];
  /** How many of stage `slot` of `fn` stand before (rank, seq), counted up to `atMost`. */
  countReadyBefore(fn: string, rank: number, seq: number, atMost: number): number;
  /** Stage `lane`, the smallest seq of the lane. */
  firstInLane(lane: string): RunRow | undefined;
  /** Rows with `laneHeld` in the lane, by seq. */
  laneHolders(lane: string, rowsMax: number): readonly RunRow[];
  countLaneHolders(lane: string, atMost: number): number;
  /** Stage `lane` of the lane with a smaller seq, counted up to `atMost`. */
  countLaneBefore(lane: string, seq: number, atMost: number): number;
  /** Distinct lanes that have holders or waiting runs, in order of key. */
  busyLanes(rowsMax: number): readonly string[];
  /** Stage `tenant`, the smallest (waitKey, seq) of the tenant. */
  firstOfTenant(tenant: string): RunRow | undefined;
  /** Rows of the tenant with `tenantHeld`, counted up to `atMost`. */
  countTenantHolders(tenant: string, atMost: number): number;
  /** Rows of the tenant that are queued at any gate, counted up to `atMost`. */
  countTenantWaiting(tenant: string, atMost: number): number;
  /** Rows of the tenant in stage `slot` or `running` without `tenantHeld`, in any order. */
  tenantUncounted(tenant: string, rowsMax: number): readonly RunRow[];
  /**
   * Rows of the tenant in stage `slot` with `tenantHeld`, by (rank, seq) from the last. Looks at
   * all holders of the tenant.
   */
  tenantLast(tenant: string, rowsMax: number): readonly RunRow[];
  /** Stages `time` and `parked` with dueAt <= now, by (dueAt, seq). */
  due(now: WallMs, rowsMax: number): readonly RunRow[];
  /** The smallest dueAt of stages `time` and `parked`. */
  nextDueAt(): WallMs | null;
  /** Neither running nor done, deadlineAt <= now, by deadlineAt. */
  pastDeadline(now: WallMs, rowsMax: number): readonly RunRow[];
  /** The smallest deadlineAt of rows neither running nor done. */
  nextDeadlineAt(): WallMs | null;
  /** The smallest overdueAt of running rows, on the judge's clock. */
  nextOverdueAt(): number | null;
  /** Running with overdueAt <= judge, by overdueAt. */
  overdue(judge: number, rowsMax: number): readonly RunRow[];
  /** Rows with this owner: running, and parked or done with lingering code. */
  ownedBy(node: NodeKey, rowsMax: number): readonly RunRow[];
  countOwnedBy(node: NodeKey): number;
  /** Running with this owner and asked to stop. Looks at all that the node owns. */
  stopsOf(node: NodeKey): readonly RunRow[];
  /** Done with this outcome, finished before `before`, oldest first. */
  finished(outcome: OutcomeKind, before: WallMs, rowsMax: number): readonly number[];
  /**
   * Newest first from below `before`. Looks at no more than `scanMax` rows; `next` is where to go
   * on.
   */
  page(
    filter: RunFilter,
    before: number | null,
    rowsMax: number,
    scanMax: number,
  ): { readonly rows: readonly RunRow[]; readonly next: number | null };
  /** Rows by stage, and done rows by outcome. Looks at an index of all rows. */
  countBy(): {
    readonly stages: Readonly<Record<Stage, number>>;
    readonly outcomes: Readonly<Record<OutcomeKind, number>>;
  };
  /** Rows that are not done. Constant cost: kept by the adapter in the same transaction. */
  live(): number;
  /** Every row in pages of seq, for examinations. */
  scan(afterSeq: number, rowsMax: number): readonly RunRow[];
}

/** What is kept of one node. */
export interface NodeRecord {
  readonly node: NodeKey;
  readonly name: string;
  readonly process: ProcessIdentity;
  readonly state: 'live' | 'draining' | 'dead' | 'left';
  readonly joinedAt: WallMs;
  readonly endedAt: WallMs | null;
  readonly ttlMs: number;
  /** On the judge's clock; meaningful only within `boot`. */
  readonly renewedAt: number;
  /** Which run of the judge's clock `renewedAt` belongs to. */
  readonly boot: string;
  readonly slots: number;
  readonly functions: readonly HostedFunction[];
}

/** Nodes. Few rows: live ones, and those that ended until they are pruned. */
export interface NodeTable {
  /** Keeps a new node under a key that was never given before. */
  insert(record: Omit<NodeRecord, 'node'>): NodeKey;
  byKey(node: NodeKey): NodeRecord | undefined;
  update(record: NodeRecord): void;
  all(): readonly NodeRecord[];
  remove(node: NodeKey): void;
}

/** Attempts that did not succeed, with their evidence. */
export interface AttemptTable {
  add(seq: number, row: AttemptRow): void;
  of(seq: number): readonly AttemptRow[];
  /** Deletes all but the newest `keep` of a run. */
  trim(seq: number, keep: number): void;
}

/** Progress and log lines. */
export interface NoteTable {
  progress(seq: number): string | null;
  putProgress(seq: number, progress: string): void;
  /** Log lines of a run: how many are kept and how many were dropped. */
  logSize(seq: number): { readonly kept: number; readonly dropped: number };
  addLine(seq: number, attempt: number, line: LogLine): void;
  addDropped(seq: number, count: number): void;
  lines(
    seq: number,
    after: number,
    linesMax: number,
  ): readonly (LogLine & { readonly n: number; readonly attempt: number })[];
}

/** A tenant: its terms, and where it stands in the fair order. */
export interface TenantRow extends TenantTerms {
  readonly turn: number;
}

/** Everything that is not about single runs. */
export interface SettingTable {
  clock(): ShareClock | undefined;
  putClock(clock: ShareClock): void;
  tenant(tenant: string): TenantRow | undefined;
  putTenant(row: TenantRow): void;
  tenants(rowsMax: number): readonly TenantRow[];
  /** Deletes tenants without terms of their own whose turn is not ahead of `turn`. */
  forgetTenants(turn: number, rowsMax: number): number;
  pauses(): readonly PauseView[];
  putPause(pause: PauseView): void;
  removePause(kind: PauseView['kind'], key: string): boolean;
  /** The key of a policy, the same for the same content. */
  policyKey(policy: RunPolicy): number;
  policy(key: number): RunPolicy;
}

/** All tables of one store, within one transaction. */
export interface Tables {
  readonly runs: RunTable;
  readonly nodes: NodeTable;
  readonly attempts: AttemptTable;
  readonly notes: NoteTable;
  readonly settings: SettingTable;
  /** What only the adapter can examine: file, settings, integrity. */
  examine(): readonly StoreFinding[];
}

/** The two clocks of a transaction. */
export interface Moment {
  readonly wall: WallMs;
  /**
   * The judge's clock: never steps, comparable between all users of the store within one `boot`.
   */
  readonly judge: number;
  readonly boot: string;
  /** How far the judge's clock moves at once at the most, where it moves in steps. Else 0. */
  readonly judgeStepMsMax?: number;
  /** Every fence that is given out now is greater. 0 where no commit is ever lost. */
  readonly fenceFloor?: number;
}

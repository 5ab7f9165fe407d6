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
import type { MatchKey } from '../../core/durable/match.ts';
import type { OverdueCause } from '../../core/execution/deadline.ts';
import type { Gate, NodeKey } from '../../core/execution/run.ts';
import type { Fence } from '../../core/fence.ts';
import type { OutcomeKind } from '../../core/outcome.ts';
import type { ShareClock } from '../../core/rank.ts';
import type { WallMs } from '../../core/time.ts';
import type { ProcessIdentity } from '../../ports/process-table.ts';
import type { KeyRow, SecretName } from '../../ports/store-keys.ts';
import type { HostedFunction } from '../../ports/store-nodes.ts';
import type { PartBlock } from '../../ports/store-parts.ts';
import type {
  PauseView,
  PinnedRuns,
  RunFilter,
  StoreFinding,
  TenantTerms,
} from '../../ports/store-reads.ts';
import type { AttemptRow, LogLine, RunPolicy } from '../../ports/store-runs.ts';
import type { SignalRow, StateRow } from '../../ports/store-signals.ts';
import type { EventItem, EventRow, StepRow } from '../../ports/store-steps.ts';
import type { KinTable } from './family-table.ts';
import type { DeadTable, FlowTable } from './flow-tables.ts';

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
  readonly trace: string | null;
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
  /** The version whose code goes on with it, or null. */
  readonly pin: string | null;
}

/** One run, flat. `seq` is the order of acceptance. */
export interface RunRow extends RunFacts, RunState {
  readonly seq: number;
}

/** A function, and the pin of some of its runs. */
export type Queue = Pick<RunRow, 'fn' | 'pin'>;

/** Runs and the indexes over them. */
export interface RunTable {
  /** Keeps a new run with its input and gives it the next seq. Seqs are never given again. */
  insert(row: RunFacts & RunState, input: string): number;
  /** The seq that the next `insert` will give. */
  nextSeq(): number;
  bySeq(seq: number): RunRow | undefined;
  byId(id: string): RunRow | undefined;
  update(before: RunRow, after: RunRow): void;
  /** Deletes the run with its input, result, attempts, steps, parts and log. */
  remove(seq: number): void;
  input(seq: number): string;
  /** Keeps another input in place of the one before. */
  putInput(seq: number, input: string): void;
  result(seq: number): string | null;
  putResult(seq: number, result: string): void;

  /** Stage `slot` of one function and pin, by (rank, seq). */
  ready(of: Queue, rowsMax: number): readonly RunRow[];
  /** How many of those stand before (rank, seq), counted up to `atMost`. */
  countReadyBefore(of: Queue, rank: number, seq: number, atMost: number): number;
  /** Rows with a pin that are not done, by function and pin. Looks at an index of all of them. */
  countPinned(rowsMax: number): readonly PinnedRuns[];
  /** Stage `lane`, the smallest seq of the lane. */
  firstInLane(lane: string): RunRow | undefined;
  /** Stage `lane` of the lane, by seq. */
  waitingInLane(lane: string, rowsMax: number): readonly RunRow[];
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

/** Which log lines; null: any. */
export interface WantedLines {
  readonly attempt: number | null;
  readonly levels: readonly LogLine['level'][] | null;
}

/** Progress, declared state and log lines. */
export interface NoteTable {
  progress(seq: number): string | null;
  putProgress(seq: number, progress: string): void;
  /** By name, in the order of UTF-16 units. */
  state(seq: number): readonly StateRow[];
  /** Keeps a value, in place of the one before under its name. */
  putState(seq: number, row: StateRow): void;
  /** Log lines of a run: how many are kept and how many were dropped. */
  logSize(seq: number): { readonly kept: number; readonly dropped: number };
  addLine(seq: number, attempt: number, line: LogLine): void;
  addDropped(seq: number, count: number): void;
  /** Lines with a greater number than `after`, by number. Looks at all of the run. */
  lines(
    seq: number,
    after: number,
    linesMax: number,
    wanted: WantedLines,
  ): readonly (LogLine & { readonly n: number; readonly attempt: number })[];
}

/** What is known of the parts of a run without looking at them. */
export interface PartSums {
  /** Parts that are kept, and their bytes. */
  readonly kept: number;
  readonly bytes: number;
  readonly dropped: number;
  /** The last owner that sent any, and how many it has sent, kept or dropped. */
  readonly fence: number;
  readonly sent: number;
}

/** The parts of runs, in blocks. */
export interface PartTable {
  sums(seq: number): PartSums | undefined;
  putSums(seq: number, sums: PartSums): void;
  add(seq: number, block: PartBlock): void;
  /** Blocks from the one in which the offset stands, in order. */
  blocks(seq: number, from: number, blocksMax: number): readonly PartBlock[];
}

/** Where a step is: its run, and its key there. */
export interface StepPlace {
  readonly seq: number;
  readonly key: string;
}

/** The steps of runs. A step whose `wait` is set and whose `end` is not is an open wait. */
export interface StepTable {
  get(seq: number, key: string): StepRow | undefined;
  /** Keeps a step, in place of the one before under its key. `tenant` is that of its run. */
  put(seq: number, tenant: string, row: StepRow): void;
  /** How many steps the run has, and the greatest `nth` of an end: 0 when there is none. */
  size(seq: number): { readonly count: number; readonly nth: number };
  /** Steps with a greater `ord`, by `ord`. */
  page(seq: number, afterOrd: number, rowsMax: number): readonly StepRow[];
  /** The smallest `wakeAt` of the open waits of the run. */
  earliestWake(seq: number): WallMs | null;
  /** How many steps of the run have ended, of those with a smaller `ord` (null: of all). */
  countEnded(seq: number, belowOrd: number | null): number;
  /**
   * Copies those to a run that has no steps: `ord` and `nth` are given anew without gaps, in their
   * order, `attempt` is 0, and tokens stay where they are.
   */
  copyEnded(seq: number, belowOrd: number | null, to: number): void;
  /** The step whose wait has this token, open or not. */
  byToken(token: string): StepPlace | undefined;
  /** The distinct `paths` of open waits for an event of that name, at most `rowsMax`. */
  wantedPaths(tenant: string, event: string, rowsMax: number): readonly string[];
  /** Open waits for such an event, at most `rowsMax`, in any order. */
  wanting(tenant: string, event: string, match: MatchKey, rowsMax: number): readonly StepPlace[];
}

/** An event as it is kept. `open`: it may have more waits to end. */
export interface KeptEvent extends EventRow {
  readonly open: boolean;
}

/** Events, by the order in which they came: a greater number has no smaller `at`. */
export interface EventTable {
  /** Keeps a new event and gives it the next number. Numbers are never given again. */
  insert(item: EventItem, at: WallMs, open: boolean): number;
  byId(tenant: string, id: string): KeptEvent | undefined;
  /**
   * Events of a name with a greater number than `n` that came at `since` or later, by number: the
   * first ones, and none only if there is none. Those that do not have the values of `match` may be
   * left out.
   */
  after(
    place: { readonly tenant: string; readonly name: string; readonly since: WallMs },
    n: number,
    match: MatchKey,
    rowsMax: number,
  ): readonly KeptEvent[];
  /** Events that are open, by number. */
  open(rowsMax: number): readonly KeptEvent[];
  close(n: number): void;
  /** How many are kept. Constant cost. */
  count(): number;
  /** When the last one came, kept or not; null: there was none. */
  lastAt(): WallMs | null;
  /** Deletes events that came before and are not open, oldest first, and says how many. */
  removeBefore(before: WallMs, rowsMax: number): number;
}

/** Signals to runs. */
export interface SignalTable {
  byId(seq: number, id: string): SignalRow | undefined;
  /** The number of the last signal to the run, and how many of them nobody was given. */
  size(seq: number): { readonly last: number; readonly unread: number };
  insert(seq: number, row: SignalRow): void;
  /** The first that nobody was given, of those that a wait with these names takes. */
  first(seq: number, names: string): SignalRow | undefined;
  take(seq: number, n: number): void;
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

/** Access keys, and secrets by name. Few rows. */
export interface KeyTable {
  count(): number;
  byId(id: string): KeyRow | undefined;
  /** By id, in the order of UTF-16 units. */
  all(): readonly KeyRow[];
  /** Keeps a row, in place of the one before if there is one. */
  put(row: KeyRow): void;
  remove(id: string): boolean;
  secret(name: SecretName): string | undefined;
  putSecret(name: SecretName, secret: string): void;
}

/** All tables of one store, within one transaction. */
export interface Tables {
  readonly runs: RunTable;
  readonly nodes: NodeTable;
  readonly attempts: AttemptTable;
  readonly notes: NoteTable;
  readonly parts: PartTable;
  readonly steps: StepTable;
  readonly events: EventTable;
  readonly signals: SignalTable;
  readonly kin: KinTable;
  readonly settings: SettingTable;
  readonly keys: KeyTable;
  readonly flows: FlowTable;
  readonly dead: DeadTable;
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

/**
 * Owns what was loaded for one decision: rows, the beginnings of indexes, counts. Nothing here
 * changes with the decision.
 *
 * L1 What was not loaded is not guessed: asking for it throws `Missing`, which names what to load.
 *    The decision is then begun anew, in the same transaction, with that loaded too.
 */
import type { NodeKey } from '../../../core/execution/run.ts';
import type { ShareClock } from '../../../core/rank.ts';
import type { WallMs } from '../../../core/time.ts';
import type { PauseView } from '../../../ports/store-reads.ts';
import { judgeStepMsMax } from '../../judge-clock.ts';
import { type RunTuple, runOf } from '../../run-tuple.ts';
import type { Moment, NodeRecord, RunRow, TenantRow } from '../../verbs/tables.ts';
import { type FlowWants, LoadedFlows } from './loaded-flows.ts';
import { type KinWants, LoadedKin } from './loaded-kin.ts';
import { LoadedSignals, type SignalWants } from './loaded-signals.ts';
import { LoadedSteps, type StepWants } from './loaded-steps.ts';

/** The ranges that `load` knows. */
export type RangeKind =
  | 'due'
  | 'deadline'
  | 'overdue'
  | 'owner'
  | 'lane'
  | 'holders'
  | 'tenant'
  | 'uncounted'
  | 'last';

/** What a decision will look at, as far as its caller knows. */
export interface Wants extends StepWants, SignalWants, FlowWants, KinWants {
  readonly seqs?: readonly number[];
  readonly ids?: readonly string[];
  readonly inputs?: readonly number[];
  readonly lanes?: readonly string[];
  readonly tenants?: readonly string[];
  readonly ranges?: readonly {
    readonly kind: RangeKind;
    readonly key: string;
    readonly max: number;
  }[];
  /** Numbers to reserve for new runs. */
  readonly fresh?: number;
  /** A number for a new node. */
  readonly node?: 'yes';
  readonly nodes?: 'yes';
}

/** Says what a decision asked for and was not loaded. Caught by `decide`, never seen outside. */
export class Missing extends Error {
  readonly wants: Wants;

  constructor(wants: Wants) {
    super('not loaded');
    this.wants = wants;
  }
}

type NodeTuple = readonly [
  node: number,
  name: string,
  process: string,
  state: NodeRecord['state'],
  joinedAt: number,
  endedAt: number | null,
  ttlMs: number,
  renewedAt: number,
  slots: number,
  functions: string,
  running: number,
];

type TenantTuple = readonly [
  tenant: string,
  weight: number | null,
  runningMax: number | null,
  waitingMax: number | null,
  version: number | null,
  turn: number | null,
  held: number,
  waiting: number | null,
  max: number,
  firsts: readonly number[],
];

/** What `load` gives. Stored format: it is made by a function of the schema. */
export interface LoadReply {
  readonly wall: number;
  readonly judge: number;
  readonly fenceFloor: number;
  readonly first: number | null;
  readonly node: number | null;
  readonly live: number;
  readonly clock: readonly [number, number, number, number] | null;
  readonly pauses: readonly (readonly [PauseView['kind'], string, string, number])[] | null;
  readonly ranges: readonly (readonly [RangeKind, string, number, readonly number[]])[] | null;
  readonly lanes: readonly (readonly [string, number, number, readonly number[]])[] | null;
  readonly tenants: readonly TenantTuple[] | null;
  readonly rows: readonly RunTuple[] | null;
  readonly inputs: readonly (readonly [number, string])[] | null;
  readonly owners: readonly (readonly [number, string])[] | null;
  readonly nodes: readonly NodeTuple[] | null;
}

/** The beginning of an index: its rows in order, and whether there are more. */
export interface Range {
  readonly seqs: readonly number[];
  readonly complete: boolean;
  readonly max: number;
}

/** A tenant as it was loaded. */
export interface LoadedTenant {
  /** Undefined: nobody set terms, and it has no turn. */
  readonly row: TenantRow | undefined;
  readonly terms: boolean;
  readonly held: number;
  readonly waiting: number | null;
}

export const rangeKey = (kind: RangeKind, key: string): string => `${kind} ${key}`;

/** The marker under which boots are compared: the judge's clock of a schema never starts anew. */
const boot = 'postgres';

/** Everything that was loaded in one transaction. */
export class Loaded {
  readonly rows = new Map<number, RunRow>();
  readonly seqById = new Map<string, number>();
  readonly ranges = new Map<string, Range>();
  readonly laneHeld = new Map<string, number>();
  readonly tenants = new Map<string, LoadedTenant>();
  readonly inputs = new Map<number, string>();
  readonly owners = new Map<number, string>();
  readonly asked = { seqs: new Set<number>(), ids: new Set<string>() };
  readonly steps = new LoadedSteps();
  readonly signals = new LoadedSignals();
  readonly flows = new LoadedFlows();
  readonly kin = new LoadedKin();
  nodes: Map<NodeKey, { readonly record: NodeRecord; readonly running: number }> | null = null;
  clock: ShareClock | undefined;
  pauses: readonly PauseView[] = [];
  live = 0;
  first: number | null = null;
  node: number | null = null;
  moment: Moment | null = null;

  /** Takes in what one `load` gave for `wants`. */
  add(wants: Wants, reply: LoadReply): void {
    // The time of the first look is the time of the whole decision.
    const { judge, fenceFloor } = reply;
    this.moment ??= { wall: reply.wall as WallMs, judge, boot, judgeStepMsMax, fenceFloor };
    for (const seq of wants.seqs ?? []) this.asked.seqs.add(seq);
    for (const id of wants.ids ?? []) this.asked.ids.add(id);
    for (const tuple of reply.rows ?? []) {
      const row = runOf(tuple);
      this.rows.set(row.seq, row);
      this.seqById.set(row.id, row.seq);
    }
    for (const [kind, key, max, seqs] of reply.ranges ?? []) {
      this.#range(rangeKey(kind, key), max, seqs);
    }
    for (const [lane, held, max, seqs] of reply.lanes ?? []) {
      this.laneHeld.set(lane, held);
      this.#range(rangeKey('lane', lane), max, seqs);
    }
    for (const tenant of reply.tenants ?? []) this.#tenant(tenant);
    for (const [seq, input] of reply.inputs ?? []) this.inputs.set(seq, input);
    for (const [node, name] of reply.owners ?? []) this.owners.set(node, name);
    if (reply.nodes !== null || wants.nodes === 'yes') this.#nodes(reply.nodes ?? []);
    this.#small(reply);
  }

  /** The value of a map, or what to load for it. */
  need<T>(value: T | undefined, wants: Wants): T {
    if (value !== undefined) return value;
    throw new Missing(wants);
  }

  #range(key: string, max: number, seqs: readonly number[]): void {
    const known = this.ranges.get(key);
    if (known !== undefined && known.max >= max) return;
    this.ranges.set(key, { seqs: seqs.slice(0, max), complete: seqs.length <= max, max });
  }

  #tenant(tuple: TenantTuple): void {
    const [tenant, weight, runningMax, waitingMax, version, turn, held, waiting, max, firsts] =
      tuple;
    const known = weight !== null || version !== null;
    const row = { tenant, weight: weight ?? 1, runningMax, waitingMax, turn: turn ?? 0 };
    this.tenants.set(tenant, {
      row: known ? row : undefined,
      terms: weight !== null,
      held,
      waiting,
    });
    this.#range(rangeKey('tenant', tenant), max, firsts);
  }

  #nodes(tuples: readonly NodeTuple[]): void {
    this.nodes = new Map(
      tuples.map((tuple) => {
        const [node, name, process, state, joinedAt, endedAt, ttlMs, renewedAt, slots] = tuple;
        const record = {
          ...{ node, name, state, joinedAt, endedAt, ttlMs, renewedAt, boot, slots },
          process: JSON.parse(process),
          functions: JSON.parse(tuple[9]),
        } as NodeRecord;
        return [record.node, { record, running: tuple[10] }];
      }),
    );
  }

  #small(reply: LoadReply): void {
    this.live = reply.live;
    this.first ??= reply.first;
    this.node ??= reply.node;
    this.pauses = (reply.pauses ?? []).map(([kind, key, reason, since]) => ({
      ...{ kind, key, reason },
      since: since as WallMs,
    }));
    if (reply.clock === null) return;
    const [turn, turnsPerSecond, measuredAt, measuredTurn] = reply.clock;
    this.clock = { turn, turnsPerSecond, measuredAt: measuredAt as WallMs, measuredTurn };
  }
}

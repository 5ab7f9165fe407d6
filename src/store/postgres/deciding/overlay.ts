/**
 * Owns the answer to what stands first in an index, and to how many there are, with a decision's
 * own changes over what was loaded.
 *
 * O1 Loaded rows that the decision changed are judged by what they are now. Where the loaded
 *    beginning of an index is too short to know, more is loaded.
 */
import type { RunRow } from '../../verbs/tables.ts';
import { type Loaded, type RangeKind, rangeKey } from './loaded.ts';

/** A row as it was loaded (undefined: it is new), and as it is now. */
export interface RowChange {
  readonly before: RunRow | undefined;
  readonly after: RunRow;
}

type Order = (a: RunRow, b: RunRow) => number;

const bySeq: Order = (a, b) => a.seq - b.seq;
const byNumber =
  (of: (row: RunRow) => number | null): Order =>
  (a, b) =>
    (of(a) ?? 0) - (of(b) ?? 0) || a.seq - b.seq;

/** An index: which rows are in it, and in what order. */
export interface Index {
  readonly kind: RangeKind;
  readonly holds: (row: RunRow, key: string) => boolean;
  readonly order: Order;
}

const isActive = ({ stage }: RunRow): boolean => stage === 'slot' || stage === 'running';
/** Whether a run waits at any gate. */
export const isQueued = ({ stage }: RunRow): boolean =>
  stage === 'time' || stage === 'lane' || stage === 'tenant' || stage === 'slot';

/** The indexes that a decision asks for. */
export const indexes = {
  due: {
    kind: 'due',
    holds: ({ dueAt, stage }) => dueAt !== null && (stage === 'time' || stage === 'parked'),
    order: byNumber((row) => row.dueAt),
  },
  deadline: {
    kind: 'deadline',
    holds: ({ deadlineAt, stage }) =>
      deadlineAt !== null && stage !== 'running' && stage !== 'done',
    order: byNumber((row) => row.deadlineAt),
  },
  overdue: {
    kind: 'overdue',
    holds: ({ overdueAt }) => overdueAt !== null,
    order: byNumber((row) => row.overdueAt),
  },
  owner: {
    kind: 'owner',
    holds: ({ owner }, key) => owner !== null && owner === Number(key),
    order: bySeq,
  },
  lane: {
    kind: 'lane',
    holds: ({ stage, lane }, key) => stage === 'lane' && lane === key,
    order: bySeq,
  },
  holders: {
    kind: 'holders',
    holds: ({ laneHeld, lane }, key) => laneHeld && lane === key,
    order: bySeq,
  },
  tenant: {
    kind: 'tenant',
    holds: ({ stage, tenant }, key) => stage === 'tenant' && tenant === key,
    order: byNumber((row) => row.waitKey),
  },
  uncounted: {
    kind: 'uncounted',
    holds: (row, key) => isActive(row) && !row.tenantHeld && row.tenant === key,
    order: bySeq,
  },
  last: {
    kind: 'last',
    holds: ({ stage, tenantHeld, tenant }, key) => stage === 'slot' && tenantHeld && tenant === key,
    order: (a, b) => (b.rank ?? 0) - (a.rank ?? 0) || b.seq - a.seq,
  },
} as const satisfies Record<string, Index>;

/** Rows that are loaded of an index at the least, and how much more when that was too few. */
const rangeMin = 16;
const rangeGrowth = 4;

/** The rows of runs as one decision sees them. */
export class Overlay {
  readonly changes = new Map<number, RowChange>();
  readonly #loaded: Loaded;
  readonly #byLane = new Map<string, Set<number>>();
  readonly #byTenant = new Map<string, Set<number>>();

  constructor(loaded: Loaded) {
    this.#loaded = loaded;
  }

  /** Notes a change; `before` is the row as the decision knew it, undefined for a new one. */
  change(before: RunRow | undefined, after: RunRow): void {
    const { seq, lane, tenant } = after;
    const known = this.changes.get(seq);
    this.changes.set(seq, { before: known === undefined ? before : known.before, after });
    if (lane !== null) noted(this.#byLane, lane, seq);
    noted(this.#byTenant, tenant, seq);
  }

  /** The row as it is now. */
  current(seq: number): RunRow | undefined {
    return this.changes.get(seq)?.after ?? this.#loaded.rows.get(seq);
  }

  /** The first rows of an index, as it is now (O1). */
  first(index: Index, key: string, rowsMax: number): readonly RunRow[] {
    const { kind } = index;
    const askFor = (max: number) => ({ ranges: [{ kind, key, max }] });
    const base = this.#loaded.need(
      this.#loaded.ranges.get(rangeKey(kind, key)),
      askFor(Math.max(rangeMin, rowsMax + rangeMin)),
    );
    const rows: RunRow[] = [];
    for (const seq of base.seqs) {
      const row = this.#loaded.rows.get(seq);
      if (row !== undefined && !this.changes.has(seq)) rows.push(row);
    }
    for (const seq of this.#changedIn(index, key)) {
      const row = this.current(seq);
      if (row !== undefined && index.holds(row, key)) rows.push(row);
    }
    rows.sort(index.order);
    if (base.complete) return rows.slice(0, rowsMax);
    // Beyond the last row that was loaded nothing is known.
    const end = this.#loaded.rows.get(base.seqs.at(-1) ?? -1);
    const known = end === undefined ? [] : rows.filter((row) => index.order(row, end) <= 0);
    if (known.length >= rowsMax) return known.slice(0, rowsMax);
    const more = askFor((base.max + rowsMax) * rangeGrowth);
    return this.#loaded.need<readonly RunRow[]>(undefined, more);
  }

  /** A count that was loaded for a lane, as it is now. */
  countInLane(base: number, lane: string, holds: (row: RunRow) => boolean, atMost: number): number {
    return this.#count(base, this.#byLane.get(lane) ?? [], holds, atMost);
  }

  /** A count that was loaded for a tenant, as it is now. */
  countOfTenant(
    base: number,
    tenant: string,
    holds: (row: RunRow) => boolean,
    atMost: number,
  ): number {
    return this.#count(base, this.#byTenant.get(tenant) ?? [], holds, atMost);
  }

  #count(
    base: number,
    seqs: Iterable<number>,
    holds: (row: RunRow) => boolean,
    atMost: number,
  ): number {
    let counted = base;
    for (const seq of seqs) {
      const one = this.changes.get(seq);
      if (one === undefined) continue;
      if (one.before !== undefined && holds(one.before)) counted -= 1;
      if (holds(one.after)) counted += 1;
    }
    return Math.min(counted, atMost);
  }

  #changedIn({ kind }: Index, key: string): Iterable<number> {
    if (kind === 'lane' || kind === 'holders') return this.#byLane.get(key) ?? [];
    if (kind === 'tenant' || kind === 'uncounted' || kind === 'last') {
      return this.#byTenant.get(key) ?? [];
    }
    return this.changes.keys();
  }
}

function noted(index: Map<string, Set<number>>, key: string, seq: number): void {
  const seqs = index.get(key);
  if (seqs === undefined) index.set(key, new Set([seq]));
  else seqs.add(seq);
}

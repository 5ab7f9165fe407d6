/**
 * Owns the table of runs as one decision sees it.
 *
 * R1 The answer of a query is that of the tables with the decision's changes written.
 * R2 What no deciding verb asks is not answered: it is a defect to ask.
 */
import { HoldfastError } from '../../../core/errors.ts';
import type { WallMs } from '../../../core/time.ts';
import type { RunRow, RunTable } from '../../verbs/tables.ts';
import type { Loaded } from './loaded.ts';
import { type Index, indexes, isQueued, Overlay, type RowChange } from './overlay.ts';

/** The table, and what the decision changed in it. */
export interface DecidedRuns extends RunTable {
  readonly changes: ReadonlyMap<number, RowChange>;
  readonly newInputs: ReadonlyMap<number, string>;
  /** Inputs that took the place of others. */
  readonly inputs: ReadonlyMap<number, string>;
  readonly results: ReadonlyMap<number, string>;
}

/** Opens the table over what was loaded. */
export function openRuns(loaded: Loaded): DecidedRuns {
  const overlay = new Overlay(loaded);
  const results = new Map<number, string>();
  return {
    changes: overlay.changes,
    results,
    ...openRows(loaded, overlay),
    putResult: (seq, result) => void results.set(seq, result),
    ...openPlaces(loaded, overlay),
    ...openTimes(overlay),
    ...unasked,
    ownedBy: (node, rowsMax) => overlay.first(indexes.owner, String(node), rowsMax),
    countOwnedBy(node) {
      const nodes = loaded.need(loaded.nodes ?? undefined, { nodes: 'yes' });
      return nodes.get(node)?.running ?? 0;
    },
    live: () => loaded.live,
  };
}

function openRows(loaded: Loaded, overlay: Overlay) {
  const newInputs = new Map<number, string>();
  const inputs = new Map<number, string>();
  const newIds = new Map<string, number>();
  const reserved = () => loaded.need(loaded.first ?? undefined, { fresh: 1 });
  let next: number | null = null;
  return {
    newInputs,
    inputs,
    insert(row, input) {
      const seq = next ?? reserved();
      next = seq + 1;
      newIds.set(row.id, seq);
      newInputs.set(seq, input);
      overlay.change(undefined, { ...row, seq });
      return seq;
    },
    nextSeq: () => next ?? reserved(),
    bySeq(seq) {
      const row = overlay.current(seq);
      if (row !== undefined || loaded.asked.seqs.has(seq)) return row;
      return loaded.need<RunRow | undefined>(undefined, { seqs: [seq] });
    },
    byId(id) {
      const seq = newIds.get(id) ?? loaded.seqById.get(id);
      if (seq !== undefined) return overlay.current(seq);
      if (loaded.asked.ids.has(id)) return undefined;
      return loaded.need<RunRow | undefined>(undefined, { ids: [id] });
    },
    update: (before, after) => overlay.change(before, after),
    input: (seq) =>
      newInputs.get(seq) ??
      inputs.get(seq) ??
      loaded.need(loaded.inputs.get(seq), { inputs: [seq] }),
    putInput: (seq, input) => void (newInputs.has(seq) ? newInputs : inputs).set(seq, input),
  } satisfies Partial<DecidedRuns>;
}

/** Who waits for a place, and who holds one. */
function openPlaces(loaded: Loaded, overlay: Overlay) {
  const first = overlay.first.bind(overlay);
  const tenantOf = (tenant: string) =>
    loaded.need(loaded.tenants.get(tenant), { tenants: [tenant] });
  return {
    firstInLane: (lane) => first(indexes.lane, lane, 1)[0],
    waitingInLane: (lane, rowsMax) => first(indexes.lane, lane, rowsMax),
    laneHolders: (lane, rowsMax) => first(indexes.holders, lane, rowsMax),
    countLaneHolders(lane, atMost) {
      const base = loaded.need(loaded.laneHeld.get(lane), { lanes: [lane] });
      return overlay.countInLane(base, lane, (row) => row.laneHeld, atMost);
    },
    firstOfTenant: (tenant) => first(indexes.tenant, tenant, 1)[0],
    countTenantHolders: (tenant, atMost) =>
      overlay.countOfTenant(tenantOf(tenant).held, tenant, (row) => row.tenantHeld, atMost),
    countTenantWaiting(tenant, atMost) {
      const waiting = loaded.need(tenantOf(tenant).waiting ?? undefined, { tenants: [tenant] });
      return overlay.countOfTenant(waiting, tenant, isQueued, atMost);
    },
    tenantUncounted: (tenant, rowsMax) => first(indexes.uncounted, tenant, rowsMax),
    tenantLast: (tenant, rowsMax) => first(indexes.last, tenant, rowsMax),
  } satisfies Partial<RunTable>;
}

/** What the passing of time does. */
function openTimes(overlay: Overlay) {
  const head = (index: Index): RunRow | undefined => overlay.first(index, '', 1)[0];
  const upTo = (index: Index, at: number, rowsMax: number, of: (row: RunRow) => number | null) =>
    overlay.first(index, '', rowsMax).filter((row) => (of(row) ?? Number.POSITIVE_INFINITY) <= at);
  return {
    due: (now, rowsMax) => upTo(indexes.due, now, rowsMax, (row) => row.dueAt),
    nextDueAt: () => head(indexes.due)?.dueAt ?? null,
    pastDeadline: (now, rowsMax) => upTo(indexes.deadline, now, rowsMax, (row) => row.deadlineAt),
    nextDeadlineAt: () => (head(indexes.deadline)?.deadlineAt ?? null) as WallMs | null,
    overdue: (judge, rowsMax) => upTo(indexes.overdue, judge, rowsMax, (row) => row.overdueAt),
    nextOverdueAt: () => head(indexes.overdue)?.overdueAt ?? null,
  } satisfies Partial<RunTable>;
}

const notAsked = (what: string) => (): never => {
  throw new HoldfastError('internal.defect', `no decision asks for ${what}`);
};

/** R2 */
const unasked = {
  ready: notAsked('the order of hand-out'),
  countReadyBefore: notAsked('places in the order of hand-out'),
  countPinned: notAsked('pinned runs'),
  countLaneBefore: notAsked('places in a lane'),
  busyLanes: notAsked('busy lanes'),
  stopsOf: notAsked('stop orders'),
  finished: notAsked('finished runs'),
  remove: notAsked('the removal of a run'),
  result: notAsked('a result'),
  page: notAsked('a page'),
  countBy: notAsked('the tally'),
  scan: notAsked('every row'),
} satisfies Partial<RunTable>;

/**
 * Owns which indexes there are over the runs, and the queries that each of them answers.
 *
 * N1 An index holds only rows that still take part in what it is for, so that no cost grows with
 *    history. `finished` is the one exception.
 */
import { fnOf, pinOf, queueOf } from '../../core/queue.ts';
import type { WallMs } from '../../core/time.ts';
import type { PinnedRuns } from '../../ports/store-reads.ts';
import type { Queue, RunRow, RunTable } from '../verbs/tables.ts';
import type { Journal } from './journal.ts';
import type { Place } from './run-index.ts';
import { exactly, RunIndex, upTo, upToPlace } from './run-index.ts';

/** The part of indexes that are not divided. */
const whole = '';

const isQueued = ({ stage }: RunRow): boolean =>
  stage === 'time' || stage === 'lane' || stage === 'tenant' || stage === 'slot';

const isActive = ({ stage }: RunRow): boolean => stage === 'slot' || stage === 'running';

const queuePart = ({ fn, pin }: Queue): string => queueOf(fn, pin);

const place = (row: RunRow, part: string, at: number): Place => ({ part, at, seq: row.seq });

/** Every index, by what it is for. */
export function openIndexes(journal: Journal) {
  const index = (placeOf: (row: RunRow) => Place | null) => new RunIndex(journal, placeOf);
  return {
    /** The order of hand-out of each queue. */
    ready: index((row) =>
      row.stage === 'slot' ? place(row, queuePart(row), row.rank ?? 0) : null,
    ),
    /** Who is pinned and not done. */
    pinned: index((row) =>
      row.pin !== null && row.stage !== 'done' ? place(row, queuePart(row), 0) : null,
    ),
    /** Who waits for a lane, by acceptance. */
    laneWaits: index((row) =>
      row.stage === 'lane' && row.lane !== null ? place(row, row.lane, 0) : null,
    ),
    /** Who holds a place in a lane, by acceptance. */
    laneHolds: index((row) => (row.laneHeld && row.lane !== null ? place(row, row.lane, 0) : null)),
    /** Who waits for the limit of a tenant. */
    tenantWaits: index((row) =>
      row.stage === 'tenant' ? place(row, row.tenant, row.waitKey ?? 0) : null,
    ),
    /** Who holds a place of a tenant's limit. */
    tenantHolds: index((row) => (row.tenantHeld ? place(row, row.tenant, 0) : null)),
    /** Who waits at any gate, by tenant. */
    queued: index((row) => (isQueued(row) ? place(row, row.tenant, 0) : null)),
    /** Who is eligible or running and holds no place of its tenant's limit, by tenant. */
    uncounted: index((row) =>
      isActive(row) && !row.tenantHeld ? place(row, row.tenant, 0) : null,
    ),
    /** Who comes due, or wakes. */
    due: index((row) =>
      row.dueAt !== null && (row.stage === 'time' || row.stage === 'parked')
        ? place(row, whole, row.dueAt)
        : null,
    ),
    /** Who can pass a deadline without an owner who watches it. */
    deadline: index((row) =>
      row.deadlineAt !== null && row.stage !== 'running' && row.stage !== 'done'
        ? place(row, whole, row.deadlineAt)
        : null,
    ),
    /** Whose owner has to end the attempt by a time. */
    overdue: index((row) => (row.overdueAt !== null ? place(row, whole, row.overdueAt) : null)),
    /** What a node owns. */
    owned: index((row) => (row.owner === null ? null : place(row, whole, row.owner))),
    /** What retention asks for: ended runs of each outcome, oldest first. */
    finished: index((row) =>
      row.outcome !== null && row.finishedAt !== null
        ? place(row, row.outcome, row.finishedAt)
        : null,
    ),
  };
}

/** The indexes. */
export type RunIndexes = ReturnType<typeof openIndexes>;

/** Loads the rows of sequence numbers. */
export type Load = (seqs: readonly number[]) => readonly RunRow[];

/** The queries about who waits where, and who holds what. */
export function openQueues(on: RunIndexes, load: Load) {
  const one = (found: Place | undefined): RunRow | undefined =>
    found === undefined ? undefined : load([found.seq])[0];
  return {
    ready: (of, rowsMax) => load(on.ready.seqs(upTo(queuePart(of)), rowsMax)),
    countReadyBefore: (of, rank, seq, atMost) =>
      on.ready.count(upToPlace(queuePart(of), rank, seq), atMost),
    countPinned: (rowsMax) => countPinned(on, rowsMax),
    firstInLane: (lane) => one(on.laneWaits.first(upTo(lane))),
    waitingInLane: (lane, rowsMax) => load(on.laneWaits.seqs(upTo(lane), rowsMax)),
    laneHolders: (lane, rowsMax) => load(on.laneHolds.seqs(upTo(lane), rowsMax)),
    countLaneHolders: (lane, atMost) => on.laneHolds.count(upTo(lane), atMost),
    countLaneBefore: (lane, seq, atMost) => on.laneWaits.count(upToPlace(lane, 0, seq), atMost),
    busyLanes: (rowsMax) => busyLanes(on, rowsMax),
    firstOfTenant: (tenant) => one(on.tenantWaits.first(upTo(tenant))),
    countTenantHolders: (tenant, atMost) => on.tenantHolds.count(upTo(tenant), atMost),
    countTenantWaiting: (tenant, atMost) => on.queued.count(upTo(tenant), atMost),
    tenantUncounted: (tenant, rowsMax) => load(on.uncounted.seqs(upTo(tenant), rowsMax)),
    tenantLast: (tenant, rowsMax) =>
      load(on.tenantHolds.seqs(upTo(tenant), Number.POSITIVE_INFINITY))
        .filter(({ stage }) => stage === 'slot')
        .sort((a, b) => (b.rank ?? 0) - (a.rank ?? 0) || b.seq - a.seq)
        .slice(0, rowsMax),
  } satisfies Partial<RunTable>;
}

/** The queries about the passing of time, and about owners. */
export function openTimes(on: RunIndexes, load: Load) {
  const ofOwner = (node: number, rowsMax?: number): readonly RunRow[] =>
    load(on.owned.seqs(exactly(whole, node), rowsMax ?? Number.POSITIVE_INFINITY));
  return {
    due: (now, rowsMax) => load(on.due.seqs(upTo(whole, now), rowsMax)),
    nextDueAt: () => (on.due.first(upTo(whole))?.at ?? null) as WallMs | null,
    pastDeadline: (now, rowsMax) => load(on.deadline.seqs(upTo(whole, now), rowsMax)),
    nextDeadlineAt: () => (on.deadline.first(upTo(whole))?.at ?? null) as WallMs | null,
    nextOverdueAt: () => on.overdue.first(upTo(whole))?.at ?? null,
    overdue: (judge, rowsMax) => load(on.overdue.seqs(upTo(whole, judge), rowsMax)),
    ownedBy: (node, rowsMax) => ofOwner(node, rowsMax),
    countOwnedBy: (node) => on.owned.count(exactly(whole, node)),
    stopsOf: (node) =>
      ofOwner(node).filter((row) => row.stage === 'running' && row.stopCause !== null),
    finished: (outcome, before, rowsMax) =>
      on.finished.seqs(upToPlace(outcome, before, Number.NEGATIVE_INFINITY), rowsMax),
  } satisfies Partial<RunTable>;
}

/** One step from queue to queue, and all that stand in each. */
function countPinned({ ready, pinned }: RunIndexes, rowsMax: number): readonly PinnedRuns[] {
  const found: PinnedRuns[] = [];
  let queue = pinned.partAfter(whole);
  while (queue !== undefined && found.length < rowsMax) {
    const unfinished = pinned.count(upTo(queue));
    const waiting = ready.count(upTo(queue));
    found.push({ fn: fnOf(queue), version: pinOf(queue) ?? '', unfinished, waiting });
    queue = pinned.partAfter(queue);
  }
  return found;
}

/** One step from lane to lane in each index: the cost is that of the lanes, not of their runs. */
function busyLanes({ laneWaits, laneHolds }: RunIndexes, rowsMax: number): readonly string[] {
  const lanes: string[] = [];
  for (let after = ''; lanes.length < rowsMax; ) {
    const waited = laneWaits.partAfter(after);
    const held = laneHolds.partAfter(after);
    const next = waited === undefined || (held !== undefined && held < waited) ? held : waited;
    if (next === undefined) break;
    lanes.push(next);
    after = next;
  }
  return lanes;
}

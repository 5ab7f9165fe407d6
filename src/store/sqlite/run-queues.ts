/**
 * Owns the queries about who waits where and who holds what. Each relies on the one partial index
 * whose condition it repeats word for word: SQLite uses a partial index only then.
 *
 * Q1 Counts stop at a bound, so that a long queue costs no more than the answer needs.
 */
import type { DatabaseSync } from 'node:sqlite';
import { type RunTuple, runColumns, runOf, stageCodes } from '../run-tuple.ts';
import type { RunTable } from '../verbs/tables.ts';
import { query } from './statement.ts';

type Count = readonly [number];

const first = (row: Count | undefined): number => row?.[0] ?? 0;

/** Opens every query about queues. */
export const openRunQueues = (db: DatabaseSync) => ({
  ...openReady(db),
  ...openLanes(db),
  ...openTenants(db),
  ...openOwners(db),
});

function openReady(db: DatabaseSync): Pick<RunTable, 'ready' | 'countReadyBefore' | 'countPinned'> {
  const { slot } = stageCodes;
  const free = `FROM runs INDEXED BY runs_ready WHERE stage = ${slot} AND pin IS NULL AND fn = ?`;
  const bound =
    `FROM runs INDEXED BY runs_ready_pinned WHERE stage = ${slot} AND pin IS NOT NULL ` +
    'AND fn = ? AND pin = ?';
  /** By an index that holds the order: reads exactly the rows that it gives. */
  const readyOf = (from: string) =>
    query<RunTuple>(db, `SELECT ${runColumns} ${from} ORDER BY rank, seq LIMIT ?`);
  /** By the same, without looking at the rows. */
  const countOf = (from: string) =>
    query<Count>(db, `SELECT count(*) FROM (SELECT 1 ${from} AND (rank, seq) < (?, ?) LIMIT ?)`);
  const ready = { free: readyOf(free), bound: readyOf(bound) };
  const before = { free: countOf(free), bound: countOf(bound) };
  /** By `runs_pinned`, without looking at the rows. */
  const pinned = query<readonly [fn: string, pin: string, unfinished: number, waiting: number]>(
    db,
    `SELECT fn, pin, count(*), sum(stage = ${slot}) FROM runs INDEXED BY runs_pinned
     WHERE pin IS NOT NULL AND stage <> ${stageCodes.done} GROUP BY fn, pin LIMIT ?`,
  );
  return {
    ready({ fn, pin }, rowsMax) {
      const rows = pin === null ? ready.free.all(fn, rowsMax) : ready.bound.all(fn, pin, rowsMax);
      return rows.map(runOf);
    },
    countReadyBefore({ fn, pin }, rank, seq, atMost) {
      if (pin === null) return first(before.free.one(fn, rank, seq, atMost));
      return first(before.bound.one(fn, pin, rank, seq, atMost));
    },
    countPinned: (rowsMax) =>
      pinned
        .all(rowsMax)
        .map(([fn, version, unfinished, waiting]) => ({ fn, version, unfinished, waiting })),
  };
}

function openLanes(
  db: DatabaseSync,
): Pick<
  RunTable,
  | 'firstInLane'
  | 'waitingInLane'
  | 'laneHolders'
  | 'countLaneHolders'
  | 'countLaneBefore'
  | 'busyLanes'
> {
  const waits = `FROM runs INDEXED BY runs_lane WHERE stage = ${stageCodes.lane}`;
  const holds = 'FROM runs INDEXED BY runs_lane_held WHERE lane_held = 1';
  const firstWaiting = query<RunTuple>(
    db,
    `SELECT ${runColumns} ${waits} AND lane = ? ORDER BY seq LIMIT 1`,
  );
  const waiting = query<RunTuple>(
    db,
    `SELECT ${runColumns} ${waits} AND lane = ? ORDER BY seq LIMIT ?`,
  );
  const holders = query<RunTuple>(
    db,
    `SELECT ${runColumns} ${holds} AND lane = ? ORDER BY seq LIMIT ?`,
  );
  const countHolders = query<Count>(
    db,
    `SELECT count(*) FROM (SELECT 1 ${holds} AND lane = ? LIMIT ?)`,
  );
  const countBefore = query<Count>(
    db,
    `SELECT count(*) FROM (SELECT 1 ${waits} AND lane = ? AND seq < ? LIMIT ?)`,
  );
  /** One step from lane to lane in each index: the cost is that of the lanes, not of their runs. */
  const nextWaited = query<readonly [string]>(
    db,
    `SELECT lane ${waits} AND lane > ? ORDER BY lane LIMIT 1`,
  );
  const nextHeld = query<readonly [string]>(
    db,
    `SELECT lane ${holds} AND lane > ? ORDER BY lane LIMIT 1`,
  );
  return {
    firstInLane(lane) {
      const tuple = firstWaiting.one(lane);
      return tuple === undefined ? undefined : runOf(tuple);
    },
    waitingInLane: (lane, rowsMax) => waiting.all(lane, rowsMax).map(runOf),
    laneHolders: (lane, rowsMax) => holders.all(lane, rowsMax).map(runOf),
    countLaneHolders: (lane, atMost) => first(countHolders.one(lane, atMost)),
    countLaneBefore: (lane, seq, atMost) => first(countBefore.one(lane, seq, atMost)),
    busyLanes(rowsMax) {
      const lanes: string[] = [];
      for (let after = ''; lanes.length < rowsMax; ) {
        const next = [nextWaited.one(after), nextHeld.one(after)].flatMap((row) => row ?? []);
        const lane = next.sort(byBytes)[0];
        if (lane === undefined) break;
        lanes.push(lane);
        after = lane;
      }
      return lanes;
    },
  };
}

/** The order of SQLite's text: that of the UTF-8 bytes, which is not that of UTF-16 units. */
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

function openTenants(
  db: DatabaseSync,
): Pick<
  RunTable,
  'firstOfTenant' | 'countTenantHolders' | 'countTenantWaiting' | 'tenantUncounted' | 'tenantLast'
> {
  const firstWaiting = query<RunTuple>(
    db,
    `SELECT ${runColumns} FROM runs INDEXED BY runs_tenant
     WHERE stage = ${stageCodes.tenant} AND tenant = ? ORDER BY wait_key, seq LIMIT 1`,
  );
  const countHolders = query<Count>(
    db,
    `SELECT count(*) FROM (SELECT 1 FROM runs INDEXED BY runs_tenant_held
       WHERE tenant_held = 1 AND tenant = ? LIMIT ?)`,
  );
  const countWaiting = query<Count>(
    db,
    `SELECT count(*) FROM (SELECT 1 FROM runs INDEXED BY runs_queued
       WHERE stage <= ${stageCodes.slot} AND tenant = ? LIMIT ?)`,
  );
  /** Eligible rows by `runs_queued`; at most the counted ones are looked at in vain. */
  const uncountedReady = query<RunTuple>(
    db,
    `SELECT ${runColumns} FROM runs INDEXED BY runs_queued
     WHERE stage <= ${stageCodes.slot} AND tenant = ? AND stage = ${stageCodes.slot}
       AND tenant_held = 0 LIMIT ?`,
  );
  /** Running rows by `runs_owner`: no more than all nodes have slots. */
  const uncountedRunning = query<RunTuple>(
    db,
    `SELECT ${runColumns} FROM runs INDEXED BY runs_owner
     WHERE owner IS NOT NULL AND stage = ${stageCodes.running} AND tenant = ?
       AND tenant_held = 0 LIMIT ?`,
  );
  /** By `runs_tenant_held`; sorts them: only for changes of the tenant's terms. */
  const last = query<RunTuple>(
    db,
    `SELECT ${runColumns} FROM runs INDEXED BY runs_tenant_held
     WHERE tenant_held = 1 AND tenant = ? AND stage = ${stageCodes.slot}
     ORDER BY rank DESC, seq DESC LIMIT ?`,
  );
  return {
    firstOfTenant(tenant) {
      const tuple = firstWaiting.one(tenant);
      return tuple === undefined ? undefined : runOf(tuple);
    },
    countTenantHolders: (tenant, atMost) => first(countHolders.one(tenant, atMost)),
    countTenantWaiting: (tenant, atMost) => first(countWaiting.one(tenant, atMost)),
    tenantUncounted(tenant, rowsMax) {
      const ready = uncountedReady.all(tenant, rowsMax);
      const rest = rowsMax - ready.length;
      return [...ready, ...(rest > 0 ? uncountedRunning.all(tenant, rest) : [])].map(runOf);
    },
    tenantLast: (tenant, rowsMax) => last.all(tenant, rowsMax).map(runOf),
  };
}

function openOwners(db: DatabaseSync): Pick<RunTable, 'ownedBy' | 'countOwnedBy' | 'stopsOf'> {
  const owned = 'FROM runs INDEXED BY runs_owner WHERE owner = ?';
  const ownedBy = query<RunTuple>(db, `SELECT ${runColumns} ${owned} ORDER BY seq LIMIT ?`);
  const countOwned = query<Count>(db, `SELECT count(*) ${owned}`);
  const stops = query<RunTuple>(
    db,
    `SELECT ${runColumns} ${owned} AND stage = ${stageCodes.running} AND stop_cause IS NOT NULL
     ORDER BY seq`,
  );
  return {
    ownedBy: (node, rowsMax) => ownedBy.all(node, rowsMax).map(runOf),
    countOwnedBy: (node) => first(countOwned.one(node)),
    stopsOf: (node) => stops.all(node).map(runOf),
  };
}

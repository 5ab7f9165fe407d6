/**
 * Owns the reconciler: it recomputes from rows what the gates decided step by step, and must find
 * nothing.
 *
 * Z1 No lane has more holders than the widest of them allows; no tenant more than its limit.
 * Z2 Nobody waits before a gate that is open.
 * Z3 Only queued, running and parked runs, and ended ones with lingering code, hold places.
 * Z4 Every running run has an owner that the store knows; nobody else has one, but for lingering
 *    code.
 * Z5 The kept number of live rows is the counted one.
 * Z6 A parked run wakes when the first of its open waits is over.
 * Z7 A run of a family is open there exactly if it is unfinished.
 */
import { limits } from '../../core/limits.ts';
import type { StoreFinding } from '../../ports/store-reads.ts';
import type { RunRow } from './tables.ts';
import type { Txn } from './txn.ts';

interface Tally {
  live: number;
  readonly bad: string[];
  readonly lanes: Map<string, { held: number; widest: number; waits: RunRow | null }>;
  readonly tenants: Map<string, { held: number; waits: boolean }>;
}

const findingsMax = 20;

/** Examines every row. Reads only; cost grows with the store, so it is for tests and operators. */
export function examine(txn: Txn): readonly StoreFinding[] {
  const tally: Tally = { live: 0, bad: [], lanes: new Map(), tenants: new Map() };
  let after = 0;
  for (;;) {
    const rows = txn.tables.runs.scan(after, limits.batchItemsMax);
    for (const row of rows) countRow(txn, tally, row);
    const last = rows.at(-1);
    if (last === undefined || rows.length < limits.batchItemsMax) break;
    after = last.seq;
  }
  checkLanes(txn, tally);
  checkTenants(txn, tally);
  const kept = txn.tables.runs.live();
  if (kept !== tally.live) tally.bad.push(`live rows: kept ${kept}, counted ${tally.live}`);
  const findings = tally.bad
    .slice(0, findingsMax)
    .map((message): StoreFinding => ({ check: 'invariants', level: 'bad', message }));
  if (findings.length === 0) {
    const message = `${tally.live} live runs hold exactly the places that they should`;
    findings.push({ check: 'invariants', level: 'ok', message });
  }
  return [...findings, ...txn.tables.examine()];
}

function countRow(txn: Txn, tally: Tally, row: RunRow): void {
  if (row.stage !== 'done') tally.live += 1;
  const lingers = (row.stage === 'done' || row.stage === 'parked') && row.owner !== null;
  const mayHold = lingers || (row.stage !== 'done' && row.stage !== 'quarantined');
  if ((row.laneHeld || row.tenantHeld) && !mayHold) {
    tally.bad.push(`run '${row.id}' is ${row.stage} and holds a place`);
  }
  if ((row.stage === 'running') !== (row.owner !== null) && !lingers) {
    tally.bad.push(`run '${row.id}' is ${row.stage} with owner ${row.owner}`);
  }
  if (row.owner !== null && txn.tables.nodes.byKey(row.owner) === undefined) {
    tally.bad.push(`run '${row.id}' is owned by node ${row.owner}, which is not in the store`);
  }
  const kin = txn.tables.kin.of(row.seq);
  if (kin !== undefined && kin.open === (row.stage === 'done')) {
    tally.bad.push(
      `run '${row.id}' is ${row.stage} and ${kin.open ? '' : 'not '}open to its family`,
    );
  }
  if (row.stage === 'parked' && row.owner === null) checkWake(txn, tally, row);
  if (row.lane !== null) countLane(tally, row, row.lane);
  const tenant = tally.tenants.get(row.tenant) ?? { held: 0, waits: false };
  if (row.tenantHeld) tenant.held += 1;
  if (row.stage === 'tenant') tenant.waits = true;
  tally.tenants.set(row.tenant, tenant);
}

function checkWake(txn: Txn, tally: Tally, { seq, id, dueAt }: RunRow): void {
  const wakeAt = txn.tables.steps.earliestWake(seq);
  if (wakeAt === dueAt) return;
  tally.bad.push(`run '${id}' wakes at ${dueAt}, and its first wait is over at ${wakeAt}`);
}

function countLane(tally: Tally, row: RunRow, key: string): void {
  const lane = tally.lanes.get(key) ?? { held: 0, widest: 0, waits: null };
  if (row.laneHeld) {
    lane.held += 1;
    lane.widest = Math.max(lane.widest, row.laneWidth);
  } else if (row.stage === 'lane' && lane.waits === null) {
    lane.waits = row;
  } else if (row.stage === 'tenant' || row.stage === 'slot' || row.stage === 'running') {
    tally.bad.push(`run '${row.id}' is ${row.stage} without a place in lane '${key}'`);
  }
  tally.lanes.set(key, lane);
}

function checkLanes(txn: Txn, tally: Tally): void {
  for (const [key, lane] of tally.lanes) {
    if (lane.held > lane.widest) {
      tally.bad.push(`lane '${key}' has ${lane.held} holders; the widest allows ${lane.widest}`);
    }
    const open = lane.waits !== null && lane.held < lane.waits.laneWidth;
    if (open && txn.pauseOf('lane', key) === undefined) {
      tally.bad.push(`lane '${key}' has room, but run '${lane.waits?.id}' waits`);
    }
  }
}

function checkTenants(txn: Txn, tally: Tally): void {
  for (const [key, tenant] of tally.tenants) {
    const { runningMax } = txn.tenant(key);
    if (runningMax === null) {
      if (tenant.waits) tally.bad.push(`tenant '${key}' has no limit, but a run waits for it`);
      continue;
    }
    if (tenant.waits && tenant.held < runningMax) {
      tally.bad.push(`tenant '${key}' holds ${tenant.held} of ${runningMax}, but a run waits`);
    }
  }
}

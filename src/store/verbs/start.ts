/**
 * Owns the acceptance of runs, and the second life of runs that an operator retries.
 *
 * T1 Bounds are checked before anything is written; the duplicate id is looked for first.
 * T2 The same id means the same run: same function, same input; anything else is a conflict.
 * T3 A retry that is asked for again, after a lost answer, finds the run that it made.
 */
import { isDeepStrictEqual } from 'node:util';
import { acceptedRun } from '../../core/execution/run.ts';
import { fenceNone } from '../../core/fence.ts';
import { limits } from '../../core/limits.ts';
import type { Waking } from '../../ports/store.ts';
import type {
  RetryItem,
  RetryVerdict,
  RunPolicy,
  StartItem,
  StartVerdict,
} from '../../ports/store-runs.ts';
import { applyEvent } from './apply.ts';
import { seekGate } from './gates.ts';
import { columnsOf, termsOf } from './row.ts';
import type { RunFacts, RunRow } from './tables.ts';
import type { Txn } from './txn.ts';

/** How many waiting runs each tenant has, counted once for all items of one call. */
type Waiting = Map<string, number>;

/** What there is room for, in one call. */
export interface Room {
  readonly waiting: Waiting;
  live: number;
}

/** Counted once for all items of one call. */
export const roomOf = (txn: Txn): Room => ({
  waiting: new Map(),
  live: limits.liveRunsMax - txn.tables.runs.live(),
});

type Full = {
  readonly ok: false;
  readonly code: 'tenant.full' | 'store.full';
  readonly message: string;
};

/** Accepts runs, each with its own verdict. */
export function start(txn: Txn, items: readonly StartItem[]): Waking<readonly StartVerdict[]> {
  const room = roomOf(txn);
  const reply = items.map((item): StartVerdict => {
    const known = item.idempotent ? txn.tables.runs.byId(item.id) : undefined;
    if (known !== undefined) return again(txn, known, item);
    const full = noRoom(txn, item.tenant, room);
    if (full !== null) return full;
    accept(txn, item, txn.tables.settings.policyKey(item.policy), null);
    return { ok: true, id: item.id, created: true };
  });
  return { reply, woken: txn.takeWoken() };
}

/** T2: key order and white space of the input make no difference. */
function again(txn: Txn, known: RunRow, item: StartItem): StartVerdict {
  const stored = txn.tables.runs.input(known.seq);
  const same = known.fn === item.fn && sameJson(stored, item.input);
  if (same) return { ok: true, id: known.id, created: false };
  const what = known.fn === item.fn ? 'another input' : `the function '${known.fn}'`;
  const message = `the id '${item.id}' is taken by a run with ${what}; choose another id`;
  return { ok: false, code: 'run.conflict', message };
}

/**
 * Whether two JSON texts say the same. What is nested deeper than it can be compared is something
 * else: no item may fail its batch.
 */
export function sameJson(stored: string, given: string): boolean {
  if (stored === given) return true;
  try {
    return isDeepStrictEqual(JSON.parse(stored), JSON.parse(given));
  } catch {
    return false;
  }
}

function noRoom(txn: Txn, tenant: string, room: Room): Full | null {
  if (room.live <= 0) {
    const message = `the store holds ${limits.liveRunsMax} unfinished runs, which is its limit`;
    return { ok: false, code: 'store.full', message };
  }
  const { waitingMax } = txn.tenant(tenant);
  if (waitingMax !== null) {
    const count =
      room.waiting.get(tenant) ?? txn.tables.runs.countTenantWaiting(tenant, waitingMax);
    if (count >= waitingMax) {
      const message = `tenant '${tenant}' has ${count} waiting runs; its limit is ${waitingMax}`;
      return { ok: false, code: 'tenant.full', message };
    }
    room.waiting.set(tenant, count + 1);
  }
  room.live -= 1;
  return null;
}

type Wanted = Omit<StartItem, 'idempotent' | 'policy'>;

function accept(
  txn: Txn,
  item: Wanted,
  policyKey: number,
  retryOf: string | null,
  fence = fenceNone,
): number {
  const policy: RunPolicy = txn.tables.settings.policy(policyKey);
  const facts: RunFacts = {
    id: item.id,
    fn: item.fn,
    lane: item.lane,
    laneWidth: item.laneWidth,
    tenant: item.tenant,
    prioritySeconds: item.prioritySeconds,
    tags: item.tags,
    policy: policyKey,
    acceptedAt: txn.moment.wall,
    deadlineAt: item.deadlineAt,
    retryOf,
    trace: item.trace ?? null,
  };
  const accepted = { ...acceptedRun(item.dueAt ?? txn.moment.wall), fence };
  const terms = termsOf(facts, policy);
  const sought = seekGate(txn, facts, terms, txn.tables.runs.nextSeq(), accepted);
  const row = { ...facts, ...columnsOf(sought.run, sought.placing, null, null) };
  return txn.tables.runs.insert(row, item.input);
}

/** Puts quarantined runs back into the queue; starts finished, unsuccessful ones anew. */
export function retry(txn: Txn, items: readonly RetryItem[]): Waking<readonly RetryVerdict[]> {
  const room = roomOf(txn);
  const reply = items.map((item): RetryVerdict => {
    const row = txn.tables.runs.byId(item.id);
    if (row === undefined) {
      return { ok: false, code: 'run.not_found', message: `no run '${item.id}'` };
    }
    if (row.stage === 'quarantined') {
      applyEvent(txn, row, { type: 'release' });
      return { ok: true, id: row.id, created: false };
    }
    if (row.stage !== 'done' || row.outcome === 'succeeded') {
      const state = row.stage === 'done' ? 'succeeded' : 'not ended yet';
      const message = `run '${item.id}' has ${state}; only failed ends can be retried`;
      return { ok: false, code: 'run.illegal_transition', message };
    }
    const made = txn.tables.runs.byId(item.newId);
    if (made !== undefined) return madeBefore(made, row);
    const accepted = acceptCopy(txn, row, item.newId, room);
    return accepted.ok ? { ok: true, id: item.newId, created: true } : accepted;
  });
  return { reply, woken: txn.takeWoken() };
}

/** Accepts a run with the input and the terms of another, due at once and without a deadline. */
export function acceptCopy(
  txn: Txn,
  row: RunRow,
  id: string,
  room: Room,
  fence = fenceNone,
): Full | { readonly ok: true; readonly seq: number } {
  const full = noRoom(txn, row.tenant, room);
  if (full !== null) return full;
  const input = txn.tables.runs.input(row.seq);
  const fresh = { ...row, id, input, dueAt: null, deadlineAt: null };
  return { ok: true, seq: accept(txn, fresh, row.policy, row.id, fence) };
}

/** T3 */
function madeBefore(made: RunRow, row: RunRow): RetryVerdict {
  if (made.retryOf === row.id) return { ok: true, id: made.id, created: true };
  const message = `the id '${made.id}' is taken by another run; choose another id`;
  return { ok: false, code: 'run.illegal_transition', message };
}

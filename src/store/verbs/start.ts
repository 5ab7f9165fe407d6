/**
 * Owns the acceptance of runs, and the second life of runs that an operator retries.
 *
 * T1 Bounds are checked before anything is written; the duplicate id is looked for first.
 * T2 The same id means the same run: same function, same input; anything else is a conflict.
 * T3 A retry that is asked for again, after a lost answer, finds the run that it made.
 * T4 A start that has arrived from a transaction of its caller was promised to become a run. Where
 *    its terms refuse it, or make it another run, it becomes one that is `rejected` at once and
 *    says why: nothing vanishes.
 * T5 A child is always a run of its own: what would give its parent another one does not apply.
 */
import { isDeepStrictEqual } from 'node:util';
import { acceptedRun, type DoneRun } from '../../core/execution/run.ts';
import { spine } from '../../core/execution/steps.ts';
import { type Fence, fenceNone } from '../../core/fence.ts';
import { limits } from '../../core/limits.ts';
import { type ErrorDetail, ended } from '../../core/outcome.ts';
import type { Waking } from '../../ports/store.ts';
import type { StartFlow } from '../../ports/store-flow.ts';
import type {
  RetryItem,
  RetryVerdict,
  RunPolicy,
  StartItem,
  StartVerdict,
} from '../../ports/store-runs.ts';
import type { Verdict } from '../../ports/store-verdict.ts';
import { applyEvent } from './apply.ts';
import { born, earlier, isThatChild, parentageOf } from './family.ts';
import { admit } from './flow.ts';
import { seekGate } from './gates.ts';
import { columnsOf, placedNowhere, termsOf } from './row.ts';
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

/** Accepts runs, each with its own verdict. `arrived`: from transactions of their callers (T4). */
export function start(
  txn: Txn,
  items: readonly StartItem[],
  arrived = false,
): Waking<readonly StartVerdict[]> {
  const room = roomOf(txn);
  const reply = items.map((item) => startOne(txn, item, room, arrived));
  return { reply, woken: txn.takeWoken() };
}

function startOne(txn: Txn, item: StartItem, room: Room, arrived: boolean): StartVerdict {
  const parentage = parentageOf(txn, item);
  if (!parentage.ok) return parentage;
  const known = item.idempotent ? txn.tables.runs.byId(item.id) : undefined;
  if (known !== undefined) return again(txn, known, item);
  const flow = ownFlow(item);
  if (flow !== undefined) return startUnder(txn, item, flow, room, { parentage, arrived });
  const full = noRoom(txn, item.tenant, room);
  if (full !== null) return full;
  bear(txn, item, parentage);
  return { ok: true, id: item.id, created: true };
}

/** T5 */
function ownFlow({ flow, parent }: StartItem): StartFlow | undefined {
  if (flow === undefined || parent === undefined) return flow;
  const { debounce: _, unique: __, ...own } = flow;
  return own;
}

/** Accepts a run, as the child that it may be. */
function bear(txn: Txn, item: StartItem, { parent, depth }: Coming['parentage']): number {
  const deadlineAt = earlier(item.deadlineAt, parent?.deadlineAt ?? null);
  const policy = txn.tables.settings.policyKey(item.policy);
  const seq = accept(txn, { ...item, deadlineAt }, policy, null);
  if (item.parent !== undefined) born(txn, seq, item.parent, depth);
  return seq;
}

/** How a start came: as whose child, and (T4) from a transaction of its caller. */
interface Coming {
  readonly parentage: Extract<ReturnType<typeof parentageOf>, { ok: true }>;
  readonly arrived: boolean;
}

/** Accepts a run under its terms of flow control. */
function startUnder(
  txn: Txn,
  item: StartItem,
  flow: StartFlow,
  room: Room,
  { parentage, arrived }: Coming,
): StartVerdict {
  const admitted = admit(txn, item, flow);
  if (!admitted.ok) return arrived ? reject(txn, item, admitted.verdict) : admitted.verdict;
  const full = noRoom(txn, item.tenant, room, admitted.frees);
  if (full !== null) return full;
  const dueAt = admitted.before() ?? item.dueAt;
  admitted.after(bear(txn, { ...item, dueAt }, parentage));
  return { ok: true, id: item.id, created: true };
}

/** T4 */
function reject(txn: Txn, item: StartItem, verdict: StartVerdict): StartVerdict {
  if (!verdict.ok && verdict.code === 'store.full') return verdict;
  const error: ErrorDetail = verdict.ok
    ? {
        code: 'run.joined',
        message: `run '${verdict.id}' does its work (${verdict.how ?? 'same-id'})`,
        details: { runId: verdict.id },
      }
    : { code: verdict.code, message: verdict.message };
  const { wall } = txn.moment;
  const facts = factsOf(txn, item, txn.tables.settings.policyKey(item.policy), null);
  const run: DoneRun = {
    ...spine(acceptedRun(wall)),
    ...{ status: 'done', outcome: ended('rejected', error), finishedAt: wall, lingering: null },
  };
  const row = { ...facts, ...columnsOf(run, placedNowhere, null, null), pin: null };
  txn.tables.runs.insert(row, item.input);
  txn.woke('done');
  return { ok: true, id: item.id, created: true };
}

/**
 * T2: key order and white space of the input make no difference. A debounced run has the newest
 * input, so that its input says nothing about who asks again.
 */
function again(txn: Txn, known: RunRow, item: StartItem): StartVerdict {
  const stored = txn.tables.runs.input(known.seq);
  const merges = item.flow?.debounce !== undefined;
  const same = known.fn === item.fn && (merges || sameJson(stored, item.input));
  const { parent } = item;
  if (parent !== undefined && !isThatChild(txn, known.seq, parent)) {
    const message = `the id '${item.id}' is taken by a run that is not this child`;
    return { ok: false, code: 'run.conflict', message };
  }
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

/** `frees`: how many waiting runs of the tenant make room for it. */
function noRoom(txn: Txn, tenant: string, room: Room, frees = 0): Full | null {
  if (room.live + frees <= 0) {
    const message = `the store holds ${limits.liveRunsMax} unfinished runs, which is its limit`;
    return { ok: false, code: 'store.full', message };
  }
  const { waitingMax } = txn.tenant(tenant);
  if (waitingMax !== null) {
    const waiting =
      room.waiting.get(tenant) ?? txn.tables.runs.countTenantWaiting(tenant, waitingMax + frees);
    const count = waiting - frees;
    if (count >= waitingMax) {
      const message = `tenant '${tenant}' has ${count} waiting runs; its limit is ${waitingMax}`;
      return { ok: false, code: 'tenant.full', message };
    }
    room.waiting.set(tenant, count + 1);
  }
  room.live += frees - 1;
  return null;
}

type Wanted = Omit<StartItem, 'idempotent' | 'policy' | 'flow' | 'parent'>;

/** What a run begins with that goes on from another. */
interface Begun {
  readonly fence: Fence;
  readonly pin: string | null;
}

const unbegun: Begun = { fence: fenceNone, pin: null };

function accept(
  txn: Txn,
  item: Wanted,
  policyKey: number,
  retryOf: string | null,
  { fence, pin } = unbegun,
): number {
  const policy: RunPolicy = txn.tables.settings.policy(policyKey);
  const facts = factsOf(txn, item, policyKey, retryOf);
  const accepted = { ...acceptedRun(item.dueAt ?? txn.moment.wall), fence };
  const terms = termsOf(facts, policy);
  const sought = seekGate(txn, facts, terms, txn.tables.runs.nextSeq(), accepted);
  const row = { ...facts, ...columnsOf(sought.run, sought.placing, null, null), pin };
  return txn.tables.runs.insert(row, item.input);
}

const factsOf = (txn: Txn, item: Wanted, policy: number, retryOf: string | null): RunFacts => ({
  id: item.id,
  fn: item.fn,
  lane: item.lane,
  laneWidth: item.laneWidth,
  tenant: item.tenant,
  prioritySeconds: item.prioritySeconds,
  tags: item.tags,
  policy,
  acceptedAt: txn.moment.wall,
  deadlineAt: item.deadlineAt,
  retryOf,
  trace: item.trace ?? null,
});

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
    if (!accepted.ok) return accepted;
    txn.tables.dead.remove(row.seq);
    return { ok: true, id: item.newId, created: true };
  });
  return { reply, woken: txn.takeWoken() };
}

/** Accepts a run with the input and the terms of another, due at once and without a deadline. */
export function acceptCopy(
  txn: Txn,
  row: RunRow,
  id: string,
  room: Room,
  begun = unbegun,
): Full | { readonly ok: true; readonly seq: number } {
  const full = noRoom(txn, row.tenant, room);
  if (full !== null) return full;
  const input = txn.tables.runs.input(row.seq);
  const fresh = { ...row, id, input, dueAt: null, deadlineAt: null };
  return { ok: true, seq: accept(txn, fresh, row.policy, row.id, begun) };
}

/** T3 */
export function madeBefore(
  made: RunRow,
  row: RunRow,
): Verdict<{ readonly id: string; readonly created: boolean }, 'run.illegal_transition'> {
  if (made.retryOf === row.id) return { ok: true, id: made.id, created: true };
  const message = `the id '${made.id}' is taken by another run; choose another id`;
  return { ok: false, code: 'run.illegal_transition', message };
}

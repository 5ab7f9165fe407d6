/**
 * Owns a store that misbehaves as real ones do: it answers late, fails before the commit, commits
 * and loses the answer, or commits when nobody waits any more.
 *
 * W1 What a fault does to the data is what the real fault does: nothing before the commit, all
 *    after it.
 * W2 A plan is asked once a call, in the order of the calls, so that a seed replays it.
 */
import { HoldfastError } from '../core/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';

/** The verbs that answer with a promise: all but `keepAlive` and the name of the kind. */
export type StoreVerb = Exclude<keyof Store, 'kind' | 'keepAlive'>;

/** A call that is about to be made. */
export interface StoreCall {
  readonly verb: StoreVerb;
  readonly args: readonly unknown[];
  /** Counts the calls of this wrapper, from 1. */
  readonly number: number;
}

/** What happens to one call. */
export interface StoreFault {
  /** Milliseconds from the call to the commit. Needs a clock. */
  readonly delayMs?: number;
  /** Milliseconds from the commit to the answer. Needs a clock. */
  readonly answerDelayMs?: number;
  /**
   * `before`: nothing is committed. `after`: all is committed and the caller is not told. `late`:
   * the caller is told of a failure at once, and all is committed after `delayMs`, as when a
   * request is still on its way to a database when its sender gives up.
   */
  readonly fail?: 'before' | 'after' | 'late';
}

/** Decides what happens to each call. */
export interface StoreFaultPlan {
  /** By which delays pass. */
  readonly clock?: Clock;
  /** Null: nothing happens to this call. */
  decide(call: StoreCall): StoreFault | null;
}

/** Does something around a call; `make` makes it, and may be left out or called later. */
export type AroundCall = <Reply>(call: StoreCall, make: () => Promise<Reply>) => Promise<Reply>;

/**
 * A store whose calls fail as `plan` decides. Failures reject with `store.unavailable`, of which
 * callers must not conclude whether the commit took place.
 *
 * @example
 * const store = faultyStore(real, {
 *   decide: ({ verb, number }) => (verb === 'start' && number === 1 ? { fail: 'after' } : null),
 * });
 */
export function faultyStore(store: Store, plan: StoreFaultPlan): Store {
  return wrapStore(store, async (call, make) => {
    const fault = plan.decide(call);
    return fault === null ? make() : suffer(plan.clock, call.verb, fault, make);
  });
}

/** A store with something of yours around each of its calls: counting, waiting, failing. */
export function wrapStore(store: Store, around: AroundCall): Store {
  let number = 0;
  const wrap =
    <Args extends readonly unknown[], Reply>(
      verb: StoreVerb,
      call: (...args: Args) => Promise<Reply>,
    ) =>
    (...args: Args): Promise<Reply> => {
      number += 1;
      return around({ verb, args, number }, () => call(...args));
    };
  return {
    kind: store.kind,
    keepAlive: (ask) => store.keepAlive(ask),
    start: wrap('start', (items) => store.start(items)),
    claim: wrap('claim', (ask) => store.claim(ask)),
    end: wrap('end', (items) => store.end(items)),
    note: wrap('note', (items) => store.note(items)),
    append: wrap('append', (items) => store.append(items)),
    settled: wrap('settled', (node, items) => store.settled(node, items)),
    record: wrap('record', (items) => store.record(items)),
    emit: wrap('emit', (items) => store.emit(items)),
    answer: wrap('answer', (items) => store.answer(items)),
    signal: wrap('signal', (items) => store.signal(items)),
    fork: wrap('fork', (items) => store.fork(items)),
    cancel: wrap('cancel', (items) => store.cancel(items)),
    retry: wrap('retry', (items) => store.retry(items)),
    repin: wrap('repin', (items) => store.repin(items)),
    redrive: wrap('redrive', (items) => store.redrive(items)),
    discard: wrap('discard', (items) => store.discard(items)),
    sweep: wrap('sweep', (rowsMax) => store.sweep(rowsMax)),
    prune: wrap('prune', (retention, rowsMax) => store.prune(retention, rowsMax)),
    pause: wrap('pause', (kind, key, reason) => store.pause(kind, key, reason)),
    resume: wrap('resume', (kind, key) => store.resume(kind, key)),
    setTenant: wrap('setTenant', (terms) => store.setTenant(terms)),
    join: wrap('join', (card) => store.join(card)),
    drain: wrap('drain', (node) => store.drain(node)),
    leave: wrap('leave', (node) => store.leave(node)),
    recover: wrap('recover', (node, evidence, max) => store.recover(node, evidence, max)),
    stops: wrap('stops', (node) => store.stops(node)),
    owned: wrap('owned', (node, rowsMax) => store.owned(node, rowsMax)),
    nodes: wrap('nodes', () => store.nodes()),
    get: wrap('get', (id) => store.get(id)),
    list: wrap('list', (ask) => store.list(ask)),
    dead: wrap('dead', (ask) => store.dead(ask)),
    ends: wrap('ends', (ids) => store.ends(ids)),
    explain: wrap('explain', (id) => store.explain(id)),
    logs: wrap('logs', (...args) => store.logs(...args)),
    parts: wrap('parts', (asks) => store.parts(asks)),
    steps: wrap('steps', (id, after, rowsMax) => store.steps(id, after, rowsMax)),
    answers: wrap('answers', (asks) => store.answers(asks)),
    state: wrap('state', (id) => store.state(id)),
    children: wrap('children', (ask) => store.children(ask)),
    lanes: wrap('lanes', (rowsMax) => store.lanes(rowsMax)),
    tenants: wrap('tenants', (...args) => store.tenants(...args)),
    pauses: wrap('pauses', () => store.pauses()),
    counts: wrap('counts', () => store.counts()),
    pinned: wrap('pinned', (rowsMax) => store.pinned(rowsMax)),
    examine: wrap('examine', () => store.examine()),
    putKey: wrap('putKey', (key) => store.putKey(key)),
    keys: wrap('keys', () => store.keys()),
    revokeKey: wrap('revokeKey', (id) => store.revokeKey(id)),
    touchKey: wrap('touchKey', (id) => store.touchKey(id)),
    secret: wrap('secret', (name, proposed) => store.secret(name, proposed)),
    close: wrap('close', () => store.close()),
  };
}

async function suffer<Reply>(
  clock: Clock | undefined,
  verb: StoreVerb,
  fault: StoreFault,
  call: () => Promise<Reply>,
): Promise<Reply> {
  if (fault.fail === 'late') {
    void pass(clock, fault.delayMs)
      .then(call)
      .catch(() => {});
    throw unavailable(verb, 'the store was given up before it answered');
  }
  await pass(clock, fault.delayMs);
  if (fault.fail === 'before') throw unavailable(verb, 'the store failed before the commit');
  const reply = await call();
  await pass(clock, fault.answerDelayMs);
  if (fault.fail === 'after') throw unavailable(verb, 'the answer of the store was lost');
  return reply;
}

const unavailable = (verb: StoreVerb, what: string): HoldfastError =>
  new HoldfastError('store.unavailable', `${verb}: ${what} (a planned fault)`);

async function pass(clock: Clock | undefined, delayMs: number | undefined): Promise<void> {
  if (delayMs === undefined || delayMs <= 0) return;
  if (clock === undefined) {
    throw new HoldfastError('request.invalid', 'a fault with a delay needs the clock of its plan');
  }
  await new Promise<void>((resolve) => {
    clock.after(delayMs, resolve);
  });
}

/**
 * Owns the store that keeps everything in the memory of one process: for tests, simulations, and
 * work that may go with the process.
 *
 * It decides nothing: the verbs are those of every embedded store. It contends like a real one: a
 * verb takes effect some time after it was called and before its promise resolves, each in a
 * transaction of its own, in the order of the calls of all views.
 *
 * M1 A verb that throws has changed nothing.
 * M2 The store's own clock is the judge of leases; the clock of a view only makes its nodes beat.
 * M3 After `close` calls are refused with `store.closed`; what was called before is answered.
 */
import { HoldfastError } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Store } from '../../ports/store.ts';
import { inSteps } from '../verbs/steps.ts';
import type { RunRow } from '../verbs/tables.ts';
import { openTxn, type Txn } from '../verbs/txn.ts';
import { isReadVerb, type VerbName, verbs } from '../verbs/verbs.ts';
import type { Snapshot } from './journal.ts';
import { type Keepers, openKeepers } from './keeper.ts';
import type { RunChange } from './runs.ts';
import { type MemoryTables, openTables } from './tables.ts';

/** What a memory store is made with. */
export interface MemoryOptions {
  /** Stamps rows, and judges leases by its monotonic time. */
  readonly clock: Clock;
  /** Names the run of the judge's clock; another name means that the host was started anew. */
  readonly boot?: string | (() => string);
  /** Hears what each transaction changed, right after its commit. For observers of simulations. */
  readonly onCommit?: (changes: readonly RunChange[]) => void;
}

/** A store in memory. */
export interface MemoryStore extends Store {
  readonly kind: 'memory';
  /**
   * The same store as one node sees it: its nodes beat by `clock`, and closing it closes no other
   * view.
   */
  viewFor(clock: Clock): Store;
  /** Everything that is committed, to be put back later. Costs little, whatever is stored. */
  snapshot(): Snapshot;
  /**
   * Puts a snapshot back, as a store does that lost what was not synced. Calls that were made
   * before and have not taken effect fail with `store.unavailable`.
   */
  restore(snapshot: Snapshot): void;
  /** Every row as it is committed now, by acceptance. */
  rows(): readonly RunRow[];
}

/**
 * Makes an empty store.
 *
 * @example
 * const store = createMemoryStore({ clock });
 * await store.counts(); // all zero
 */
export function createMemoryStore(options: MemoryOptions): MemoryStore {
  const tables = openTables();
  const execution = new Execution(options, tables);
  const views = new Set<View>();
  const view = (clock: Clock): View => {
    const opened = openView(execution, clock);
    views.add(opened);
    return opened;
  };
  const own = view(options.clock);
  return {
    ...own.store,
    viewFor: (clock) => view(clock).store,
    snapshot: () => tables.journal.snapshot(),
    restore: (snapshot) => execution.restore(snapshot),
    rows: () => tables.runs.all(),
    async close() {
      execution.close();
      await Promise.all([...views].map((one) => one.store.close()));
    },
  };
}

type AnyVerb = (txn: Txn, ...args: readonly unknown[]) => unknown;

/** Executes verbs one after another. */
class Execution {
  readonly #options: MemoryOptions;
  readonly #tables: MemoryTables;
  #epoch = 0;
  #closed = false;

  constructor(options: MemoryOptions, tables: MemoryTables) {
    this.#options = options;
    this.#tables = tables;
  }

  close(): void {
    this.#closed = true;
  }

  restore(snapshot: Snapshot): void {
    this.#epoch += 1;
    snapshot.putBack();
  }

  async call(name: VerbName, args: readonly unknown[]): Promise<unknown> {
    if (this.#closed) throw closed();
    const epoch = this.#epoch;
    // The turn between the call and its effect is what callers of a real store have to live with.
    await null;
    if (epoch !== this.#epoch) {
      throw new HoldfastError('store.unavailable', `${name}: the store was restored meanwhile`);
    }
    return this.#execute(name, args);
  }

  #execute(name: VerbName, args: readonly unknown[]): unknown {
    const { clock, boot = 'memory', onCommit } = this.#options;
    const { journal, runs } = this.#tables;
    const moment = {
      wall: clock.wall(),
      judge: clock.mono(),
      boot: typeof boot === 'string' ? boot : boot(),
    };
    const txn = openTxn(this.#tables, moment);
    let reply: unknown;
    try {
      reply = (verbs[name] as AnyVerb)(txn, ...args);
      if (!isReadVerb(name)) txn.flush();
    } catch (error) {
      journal.rollBack();
      runs.takeChanges();
      throw error;
    }
    journal.commit();
    const changes = runs.takeChanges();
    if (changes.length > 0) onCommit?.(changes);
    return reply;
  }
}

const closed = (): HoldfastError =>
  new HoldfastError('store.closed', 'the memory store is closed; make a new one');

type Rest<V> = V extends (txn: never, ...args: infer A) => unknown ? A : never;

interface View {
  readonly store: Store & { readonly kind: 'memory' };
}

function openView(execution: Execution, clock: Clock): View {
  const underWay = new Set<Promise<unknown>>();
  let closing = false;
  const call: Call = (name, ...args) => {
    if (closing) return Promise.reject(closed());
    const answer = execution.call(name, args) as ReturnType<typeof call<typeof name>>;
    const settled = (): void => void underWay.delete(answer);
    underWay.add(answer);
    void answer.then(settled, settled);
    return answer;
  };
  const keepers = openKeepers(clock, (node) => call('beat', node));
  const close = async (): Promise<void> => {
    closing = true;
    await keepers.stopAll();
    await Promise.allSettled([...underWay]);
  };
  return { store: { kind: 'memory', ...openVerbs(call, keepers), close } };
}

type Call = <N extends VerbName>(
  name: N,
  ...args: Rest<(typeof verbs)[N]>
) => Promise<ReturnType<(typeof verbs)[N]>>;

const openVerbs = (call: Call, keepers: Keepers) =>
  ({
    start: (items) => call('start', items),
    claim: (ask) => call('claim', ask),
    end: (items) => call('end', items),
    note: (items) => call('note', items),
    append: (items) => call('append', items),
    settled: (node, items) => call('settled', node, items),
    record: (items) => call('record', items),
    emit: (items) => call('emit', items),
    answer: (items) => call('answer', items),
    signal: (items) => call('signal', items),
    fork: (items) => call('fork', items),
    cancel: (items) => call('cancel', items),
    retry: (items) => call('retry', items),
    repin: (items) => call('repin', items),
    redrive: (items) => call('redrive', items),
    discard: (items) => call('discard', items),
    sweep: (rowsMax) => call('sweep', rowsMax),
    prune: (retention, rowsMax) => call('prune', retention, rowsMax),
    pause: (kind, key, reason) => call('pause', kind, key, reason),
    resume: (kind, key) => call('resume', kind, key),
    setTenant: (terms) => inSteps(() => call('setTenant', terms)),
    join: (card) => keepers.joining(() => call('join', card)),
    keepAlive: (ask) => keepers.keepAlive(ask),
    drain: (node) => call('drain', node),
    leave: (node) => call('leave', node),
    recover: (node, evidence, rowsMax) => call('recover', node, evidence, rowsMax),
    stops: (node) => call('stops', node),
    owned: (node, rowsMax) => call('owned', node, rowsMax),
    nodes: () => call('nodes'),
    get: (id) => call('get', id),
    list: (ask) => call('list', ask),
    dead: (ask) => call('dead', ask),
    ends: (ids) => call('ends', ids),
    explain: (id) => call('explain', id),
    logs: (id, after, linesMax, filter) => call('logs', id, after, linesMax, filter),
    parts: (asks) => call('parts', asks),
    steps: (id, after, rowsMax) => call('steps', id, after, rowsMax),
    answers: (asks) => call('answers', asks),
    state: (id) => call('state', id),
    children: (ask) => call('children', ask),
    lanes: (rowsMax) => call('lanes', rowsMax),
    tenants: (rowsMax, only) => call('tenants', rowsMax, only),
    pauses: () => call('pauses'),
    counts: () => call('counts'),
    pinned: (rowsMax) => call('pinned', rowsMax),
    examine: () => call('examine'),
    putKey: (key) => call('putKey', key),
    keys: () => call('keys'),
    revokeKey: (id) => call('revokeKey', id),
    touchKey: (id) => call('touchKey', id),
    secret: (name, proposed) => call('secret', name, proposed),
  }) satisfies Omit<Store, 'kind' | 'close'>;

/**
 * Owns the simulated database server: the verbs over tables in memory, its clocks, and what becomes
 * of all that when the server fails.
 *
 * B1 A verb takes effect at the moment at which its request arrives, in a transaction of its own.
 * B2 Its wall clock is not that of the nodes, and steps as it likes. Leases are judged by a clock
 *    that is kept in the database (`JudgeClock`).
 * B3 A failover loses nothing, or exactly the transactions after one moment, clocks included.
 */
import type { NodeKey } from '../../src/core/execution/run.ts';
import { type WallMs, wallMs } from '../../src/core/time.ts';
import type { Store } from '../../src/ports/store.ts';
import type { Beat } from '../../src/ports/store-nodes.ts';
import { floorOf } from '../../src/store/epochs.ts';
import type { JudgeSeen } from '../../src/store/judge-clock.ts';
import type { Snapshot } from '../../src/store/memory/journal.ts';
import type { RunChange } from '../../src/store/memory/runs.ts';
import { openTables } from '../../src/store/memory/tables.ts';
import { inSteps } from '../../src/store/verbs/steps.ts';
import type { RunRow } from '../../src/store/verbs/tables.ts';
import { openTxn, type Txn } from '../../src/store/verbs/txn.ts';
import { isReadVerb, type VerbName, verbs } from '../../src/store/verbs/verbs.ts';
import type { SimulatedClock } from '../../src/testing/index.ts';
import { withEpochs } from './epochs.ts';
import { JudgeClock, type JudgeRule, type JudgeState } from './judge-clock.ts';

/** Moments that are remembered to be gone back to, and at least so far apart. */
const momentsMax = 200;
const momentEveryMs = 20;

export interface DatabaseOptions {
  readonly clock: SimulatedClock;
  readonly judge: JudgeRule;
  /** Whether failovers may lose something: then moments are remembered. */
  readonly lossy: boolean;
  /** Whether numbers of lost transactions are never given out again. */
  readonly epochs: boolean;
  readonly onCommit: (changes: readonly RunChange[]) => void;
}

interface Remembered {
  readonly at: number;
  readonly tables: Snapshot;
  readonly judge: JudgeState;
}

type AnyVerb = (txn: Txn, ...args: readonly unknown[]) => unknown;
type Rest<V> = V extends (txn: never, ...args: infer A) => unknown ? A : never;

export class Database {
  readonly judge: JudgeClock;
  readonly #options: DatabaseOptions;
  readonly #tables = openTables();
  /** The same, with what such a database does beside the verbs. */
  readonly #ownTables: ReturnType<typeof openTables>;
  #remembered: Remembered[] = [];
  #epoch = 0;
  #up = true;
  #generation = 0;
  #returned: (() => void)[] = [];
  /** How far its wall clock is ahead of the true time. */
  wallAheadMs = 0;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.judge = new JudgeClock(options.judge, () => this.wall());
    this.#ownTables = withEpochs(this.#tables, () => (options.epochs ? this.#epoch : 0));
  }

  wall(): WallMs {
    return wallMs(this.#options.clock.wall() + this.wallAheadMs);
  }

  get up(): boolean {
    return this.#up;
  }

  /** Changes whenever all connections break. */
  get generation(): number {
    return this.#generation;
  }

  get epoch(): number {
    return this.#epoch;
  }

  rows(): readonly RunRow[] {
    return this.#tables.runs.all();
  }

  /** From now on nobody reaches it, and whatever was under way is broken off. */
  goAway(): void {
    this.#up = false;
    this.#generation += 1;
  }

  comeBack(): void {
    if (this.#up) return;
    this.#up = true;
    const told = this.#returned;
    this.#returned = [];
    for (const tell of told) tell();
  }

  /** Calls back once it can be reached: now, or when it comes back. */
  whenUp(tell: () => void): void {
    if (this.#up) tell();
    else this.#returned.push(tell);
  }

  /**
   * Another server takes its place, with all that was committed, or without the last `lostMs`. True
   * if something is lost.
   */
  failOver(lostMs: number): boolean {
    this.#epoch += 1;
    const until = this.#options.clock.mono() - lostMs;
    const last = this.#remembered.find(({ at }) => at > until);
    this.#remembered = [];
    if (lostMs === 0 || last === undefined) return false;
    const nextSeq = this.#tables.runs.nextSeq();
    const [sample] = this.rows();
    last.tables.putBack();
    this.judge.restore(last.judge);
    if (this.#options.epochs && sample !== undefined) this.#skipTo(nextSeq, sample);
    return true;
  }

  /** One renewal, by a node that knows that the judge's clock is at `least` by now. */
  beat(
    node: NodeKey,
    least: JudgeSeen | null,
  ): { readonly beat: Beat | null; readonly seen: JudgeSeen } {
    this.#remember();
    this.judge.beat(least, this.#epoch);
    const beat = this.#execute('beat', [node]) as Beat | null;
    return { beat, seen: { judge: this.judge.now(), epoch: this.#epoch } };
  }

  /** The verbs, as whoever sits in the server calls them. */
  store(): Store {
    const call = async <N extends VerbName>(
      name: N,
      ...args: Rest<(typeof verbs)[N]>
    ): Promise<ReturnType<(typeof verbs)[N]>> => {
      if (!isReadVerb(name)) this.#remember();
      return this.#execute(name, args) as ReturnType<(typeof verbs)[N]>;
    };
    return {
      kind: 'postgres',
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
      join: (card) => call('join', card),
      keepAlive: () => {
        throw new Error('a node keeps itself alive over its link');
      },
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
      close: async () => {},
    };
  }

  /** The numbers of lost runs are not given out again. */
  #skipTo(nextSeq: number, sample: RunRow): void {
    const { runs, journal } = this.#tables;
    while (runs.nextSeq() < nextSeq) {
      runs.remove(runs.insert({ ...sample, id: 'skipped' }, ''));
    }
    journal.commit();
    runs.takeChanges();
  }

  #execute(name: VerbName, args: readonly unknown[]): unknown {
    const { journal, runs } = this.#tables;
    const moment = {
      ...{ wall: this.wall(), judge: this.judge.now(), boot: 'database' },
      judgeStepMsMax: this.judge.stepMsMax,
      fenceFloor: this.#options.epochs ? floorOf(this.#epoch) : 0,
    };
    const txn = openTxn(this.#ownTables, moment);
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
    if (changes.length > 0) this.#options.onCommit(changes);
    return reply;
  }

  /** Before a transaction: the moment up to which a failover can go back. */
  #remember(): void {
    if (!this.#options.lossy) return;
    const at = this.#options.clock.mono();
    const last = this.#remembered.at(-1);
    if (last !== undefined && at - last.at < momentEveryMs) return;
    if (this.#remembered.length >= momentsMax) this.#remembered.shift();
    const tables = this.#tables.journal.snapshot();
    this.#remembered.push({ at, tables, judge: this.judge.state });
  }
}

/**
 * Owns one simulated world: the host, the store, the processes, the auditors, and the passing of
 * time.
 *
 * W1 One seed decides everything: what is drawn, and the order of what happens at one time.
 * W2 Every commit is judged when it happens, every step when it is over.
 */
import { type MemoryHub, memoryHub } from '../../src/bus/memory/memory-bus.ts';
import type { NodeKey } from '../../src/core/execution/run.ts';
import type { Store } from '../../src/ports/store.ts';
import type { Retention, TenantTerms } from '../../src/ports/store-reads.ts';
import { createMemoryStore, type MemoryStore } from '../../src/store/memory/memory-store.ts';
import type { RunRow } from '../../src/store/verbs/tables.ts';
import {
  type SeededRandom,
  SimulatedClock,
  seededRandom,
  settle,
  wrapStore,
} from '../../src/testing/index.ts';
import { Host } from './host.ts';
import { Ledger } from './ledger.ts';
import { Marks } from './marks.ts';
import { Promptness } from './promptness.ts';
import { RowAudit } from './row-audit.ts';
import type { Scenario } from './scenario.ts';
import { SimProcess } from './sim-process.ts';
import { Trace } from './trace.ts';

const kept = (ms: number | null): Retention => ({
  succeeded: ms,
  failed: ms,
  cancelled: ms,
  'timed-out': ms,
  rejected: ms,
  lost: ms,
});

const examineEverySteps = 64;
const violationsMax = 20;

/** What a world can be given beside its seed. */
export interface WorldOptions {
  readonly echo?: (line: string) => void;
  /** Ends the world early, once enough is known. */
  readonly enough?: (violation: string) => boolean;
  /** Plants a fault into the store, to prove that the auditors see it. */
  readonly plant?: (store: Store, world: SimWorld) => Store;
}

export class SimWorld {
  readonly scenario: Scenario;
  readonly random: SeededRandom;
  readonly clock: SimulatedClock;
  readonly host = new Host();
  readonly hub: MemoryHub = memoryHub();
  readonly trace: Trace;
  readonly store: MemoryStore;
  readonly audit: RowAudit;
  readonly ledger: Ledger;
  readonly marks = new Marks();
  readonly promptness: Promptness;
  readonly retention: Retention;
  readonly violations: string[] = [];
  readonly processes: SimProcess[] = [];
  /** Hears of runs that were pruned. */
  onPruned: ((id: string) => void) | undefined;
  /** False once the world is left alone. */
  faultsOn = true;
  readonly #options: WorldOptions;
  readonly #deadNodes = new Set<NodeKey>();
  readonly #terms = new Map<string, number | null>();
  readonly #byId = new Map<string, RunRow>();
  #incarnations = 0;
  #steps = 0;

  constructor(scenario: Scenario, options: WorldOptions = {}) {
    this.scenario = scenario;
    this.retention = kept(scenario.keptMs);
    const widths = new Map(scenario.lanes.map(({ key, width }) => [key, width]));
    const widthOf = (lane: string): number => widths.get(lane) ?? 1;
    this.#options = options;
    this.random = seededRandom(scenario.seed + 1);
    this.clock = new SimulatedClock({ ties: this.random.fork() });
    this.promptness = new Promptness(this);
    const from = this.clock.mono();
    this.trace = new Trace(() => this.clock.mono() - from, options.echo);
    const violation = (what: string): void => this.violation(what);
    const runningMaxOf = (tenant: string): number | null => this.limitOf(tenant);
    const wallNow = (): number => this.clock.wall();
    const isDead = (node: NodeKey): boolean => this.#deadNodes.has(node);
    this.audit = new RowAudit({ runningMaxOf, widthOf, wallNow, isDead, violation });
    this.ledger = new Ledger({
      clock: this.clock,
      widthOf,
      isDead,
      leaseOver: async (node) =>
        (await this.store.nodes()).some((one) => one.node === node && one.leaseOver),
      violation,
    });
    this.store = createMemoryStore({
      clock: this.clock,
      boot: () => this.host.bootId,
      onCommit: (changes) => {
        for (const { before, after } of changes) this.#note(before, after);
        this.audit.committed(changes);
      },
    });
  }

  /** Whether somebody who looks for one violation has found it. */
  get enough(): boolean {
    return this.violations.some((one) => this.#options.enough?.(one) ?? false);
  }

  get steps(): number {
    return this.#steps;
  }

  violation(what: string): void {
    this.trace.add(`VIOLATION ${what}`);
    if (this.violations.length < violationsMax) this.violations.push(what);
  }

  /** The row of a run as it is committed. */
  rowOf(runId: string): RunRow | undefined {
    return this.#byId.get(runId);
  }

  rows(): Iterable<RunRow> {
    return this.#byId.values();
  }

  /** The tenant's limit in force. */
  limitOf(tenant: string): number | null {
    return this.#terms.get(tenant) ?? null;
  }

  /** Begins a process in place `index`. */
  spawn(index: number, reusePid: number | null): SimProcess {
    this.#incarnations += 1;
    const process = new SimProcess(this, index, this.#incarnations, reusePid);
    this.processes[index] = process;
    this.trace.add(`${process.name} starts`);
    return process;
  }

  /** The store as it really is, with eyes on what the auditors have to know. */
  observe(store: Store): Store {
    const planted = this.#options.plant?.(store, this) ?? store;
    return wrapStore(planted, async (call, make) => {
      if (call.verb === 'setTenant') return this.#settingTerms(call.args[0] as TenantTerms, make);
      if (call.verb === 'recover') return this.#recovering(call.args, make);
      const reply = await make();
      if (call.verb === 'leave') this.#deadNodes.add(call.args[0] as NodeKey);
      return reply;
    });
  }

  /** Only a lease that is over makes a node dead by that reason. */
  async #recovering<R>(args: readonly unknown[], make: () => Promise<R>): Promise<R> {
    const [node, { kind }] = args as Parameters<Store['recover']>;
    const row = (await this.store.nodes()).find((one) => one.node === node);
    const reply = await make();
    const present = row?.state === 'live' || row?.state === 'draining';
    if (!(reply as Awaited<ReturnType<Store['recover']>>).reply.ok) return reply;
    this.#deadNodes.add(node);
    if (present && kind === 'lease-over' && !row.leaseOver) {
      this.violation(`G7 node ${row.name} was declared dead while its lease held`);
    }
    return reply;
  }

  /** While terms change, whichever of the two limits is wider holds. */
  async #settingTerms<R>(terms: TenantTerms, make: () => Promise<R>): Promise<R> {
    const { tenant, runningMax } = terms;
    const before = this.limitOf(tenant);
    const wider = before === null || runningMax === null ? null : Math.max(before, runningMax);
    this.#terms.set(tenant, wider);
    const reply = await make();
    this.#terms.set(tenant, runningMax);
    return reply;
  }

  /** Everything stops at once; the store keeps `snapshot`, or all. */
  async powerFailure(snapshot: ReturnType<MemoryStore['snapshot']> | null): Promise<void> {
    this.marks.add(snapshot === null ? 'power failure' : 'tail lost');
    for (const process of this.processes) process.kill();
    this.host.reboot();
    this.store.restore(snapshot ?? this.store.snapshot());
    this.#byId.clear();
    const rows = this.store.rows();
    for (const row of rows) this.#byId.set(row.id, row);
    this.audit.restored(rows);
    this.ledger.rolledBack((runId) => this.rowOf(runId)?.fence ?? -1);
    this.#deadNodes.clear();
    for (const { node, state } of await this.store.nodes()) {
      if (state === 'dead' || state === 'left') this.#deadNodes.add(node);
    }
    this.#terms.clear();
    for (const { tenant, runningMax } of await this.store.tenants(1_000)) {
      this.#terms.set(tenant, runningMax);
    }
  }

  /** One step: the next thing in time, and all that follows from it at once. */
  async step(): Promise<boolean> {
    if (!this.clock.fireNext()) return false;
    await settle();
    this.#steps += 1;
    if (this.#steps % examineEverySteps === 0) await this.examine();
    return true;
  }

  /** The store's own reconciler must find nothing. */
  async examine(): Promise<void> {
    for (const { level, message } of await this.store.examine()) {
      if (level === 'bad') this.violation(`examine: ${message}`);
    }
  }

  #pruned({ id, seq }: RunRow): void {
    this.#byId.delete(id);
    this.ledger.forget(id);
    this.marks.add('pruned');
    this.trace.add(`#${seq} pruned`);
    this.onPruned?.(id);
  }

  #note(before: RunRow | undefined, after: RunRow | undefined): void {
    if (after === undefined) {
      if (before !== undefined) this.#pruned(before);
      return;
    }
    this.#byId.set(after.id, after);
    const { seq, stage, fence, attempt, owner, outcome, laneHeld, tenantHeld } = after;
    const places = `${laneHeld ? 'L' : '-'}${tenantHeld ? 'T' : '-'}`;
    const end = outcome === null ? '' : ` ${outcome}`;
    const was = before?.stage ?? 'new';
    if (stage !== was && (stage === 'quarantined' || stage === 'parked')) this.marks.add(stage);
    if (stage === 'done' && was === 'running') this.marks.add(`${outcome} while running`);
    this.trace.add(
      `#${seq} ${was} > ${stage} f${fence} a${attempt} n${owner ?? '-'} ${places}${end}`,
    );
  }
}

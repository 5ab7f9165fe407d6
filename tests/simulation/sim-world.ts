/**
 * Owns one simulated world: its machines, the store, the processes, the auditors, and the passing
 * of time.
 *
 * W1 One seed decides everything: what is drawn, and the order of what happens at one time.
 * W2 Every commit is judged when it happens, every step when it is over.
 */
import { type MemoryHub, memoryHub } from '../../src/bus/memory/memory-bus.ts';
import type { NodeKey } from '../../src/core/execution/run.ts';
import { fenceOf } from '../../src/core/fence.ts';
import type { Store } from '../../src/ports/store.ts';
import type { DeathEvidence, NodeRow } from '../../src/ports/store-nodes.ts';
import type { Retention, TenantTerms } from '../../src/ports/store-reads.ts';
import type { SignalItem } from '../../src/ports/store-signals.ts';
import { floorOf } from '../../src/store/epochs.ts';
import { createMemoryStore, type MemoryStore } from '../../src/store/memory/memory-store.ts';
import type { RunChange } from '../../src/store/memory/runs.ts';
import type { RunRow } from '../../src/store/verbs/tables.ts';
import {
  type SeededRandom,
  SimulatedClock,
  seededRandom,
  settle,
  wrapStore,
} from '../../src/testing/index.ts';
import { Database } from './database.ts';
import { DeadAudit } from './dead-audit.ts';
import { Deaths } from './deaths.ts';
import { FlowAudit } from './flow-audit.ts';
import { hear } from './hearing.ts';
import { Host } from './host.ts';
import { Ledger } from './ledger.ts';
import { LostWindow } from './lost-window.ts';
import { Marks } from './marks.ts';
import { PartAudit } from './part-audit.ts';
import { Promptness } from './promptness.ts';
import { RowAudit } from './row-audit.ts';
import type { Scenario } from './scenario.ts';
import { SignalAudit } from './signal-audit.ts';
import { SimProcess } from './sim-process.ts';
import { StepAudit } from './step-audit.ts';
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
  /** Plants failovers that lose so much and tell nobody. */
  readonly silentLossMs?: number;
}

export class SimWorld {
  readonly scenario: Scenario;
  readonly random: SeededRandom;
  readonly clock: SimulatedClock;
  readonly hosts: readonly Host[];
  readonly hub: MemoryHub = memoryHub();
  readonly trace: Trace;
  /** The store as it really is: no fault and no network stands before it. */
  readonly store: Store;
  /** The store of a world of one machine, and the database of one of several. */
  readonly memory: MemoryStore | null;
  readonly database: Database | null;
  readonly audit: RowAudit;
  readonly ledger: Ledger;
  readonly steps = new StepAudit(this);
  readonly parts = new PartAudit(this);
  readonly signals = new SignalAudit(this);
  readonly flow = new FlowAudit(this);
  readonly dead = new DeadAudit(this);
  readonly marks = new Marks();
  readonly promptness: Promptness;
  readonly deaths: Deaths;
  readonly lost = new LostWindow();
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
  /** The fence of each attempt by run, attempt and owner. */
  readonly #fences = new Map<string, number>();
  #incarnations = 0;
  #steps = 0;
  readonly #overdue = new Set<string>();

  constructor(scenario: Scenario, options: WorldOptions = {}) {
    this.scenario = scenario;
    this.retention = kept(scenario.keptMs);
    const widths = new Map(scenario.lanes.map(({ key, width }) => [key, width]));
    const widthOf = (lane: string): number => widths.get(lane) ?? 1;
    this.#options = options;
    this.random = seededRandom(scenario.seed + 1);
    this.clock = new SimulatedClock({ ties: this.random.fork() });
    this.hosts = Array.from({ length: scenario.hosts }, (_, n) => new Host(`host-${n}`));
    this.promptness = new Promptness(this);
    this.deaths = new Deaths(this);
    const from = this.clock.mono();
    this.trace = new Trace(() => this.clock.mono() - from, options.echo);
    const violation = (what: string): void => this.violation(what);
    const runningMaxOf = (tenant: string): number | null => this.limitOf(tenant);
    const wallNow = (): number => this.wallNow();
    const isDead = (node: NodeKey): boolean => this.#deadNodes.has(node);
    this.audit = new RowAudit({ runningMaxOf, widthOf, wallNow, isDead, violation });
    this.ledger = new Ledger({
      clock: this.clock,
      widthOf,
      isDead,
      leaseOver: async (node) =>
        !this.deaths.isUnsure(node) &&
        (await this.store.nodes()).some((one) => one.node === node && one.leaseOver),
      old: (runId, fence) => this.lost.old(runId, fence),
      touched: (runId) => this.lost.touched(runId),
      violation,
    });
    const onCommit = (changes: readonly RunChange[]): void => this.#committed(changes);
    if (scenario.kind === 'host') {
      this.database = null;
      const boot = (): string => this.hostOf(0).bootId;
      this.memory = createMemoryStore({ clock: this.clock, boot, onCommit });
      this.store = this.memory;
    } else {
      this.memory = null;
      const { judge, epochs } = scenario;
      const lossy = scenario.kind === 'lossy' || options.silentLossMs !== undefined;
      this.database = new Database({ clock: this.clock, judge, lossy, epochs, onCommit });
      this.store = this.database.store();
    }
  }

  /** The machine that place `index` is on. */
  hostOf(index: number): Host {
    const host = this.hosts[this.scenario.hostOf[index] ?? 0];
    if (host === undefined) throw new Error(`place ${index} is on no host`);
    return host;
  }

  /** What the store's wall clock says. */
  wallNow(): number {
    return (this.database ?? this.clock).wall();
  }

  /** The fence under which a node was given an attempt, as far as it was committed. */
  fenceOf(runId: string, attempt: number, node: NodeKey | null): number | undefined {
    return this.#fences.get(`${runId}/${attempt}/${node}`);
  }

  /** How often a run was taken from its owner, whose end of it was overdue. */
  get overdue(): number {
    return this.#overdue.size;
  }

  /** Whether somebody who looks for one violation has found it. */
  get enough(): boolean {
    return this.violations.some((one) => this.#options.enough?.(one) ?? false);
  }

  get stepCount(): number {
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
      if (call.verb === 'signal') this.signals.sending(call.args[0] as readonly SignalItem[]);
      const reply = await make();
      if (call.verb === 'leave') this.#deadNodes.add(call.args[0] as NodeKey);
      await hear(this, call, reply);
      return reply;
    });
  }

  /** Only a lease that is over makes a node dead by that reason. */
  async #recovering<R>(args: readonly unknown[], make: () => Promise<R>): Promise<R> {
    const [node, evidence] = args as Parameters<Store['recover']>;
    const row = (await this.store.nodes()).find((one) => one.node === node);
    const reply = await make();
    const present = row?.state === 'live' || row?.state === 'draining';
    if (!(reply as Awaited<ReturnType<Store['recover']>>).reply.ok) return reply;
    this.#deadNodes.add(node);
    if (present) this.#declaredDead(row, evidence);
    return reply;
  }

  #declaredDead({ node, name, leaseOver }: NodeRow, evidence: DeathEvidence): void {
    this.deaths.declared(node, evidence);
    if (evidence.kind !== 'lease-over' || leaseOver) return;
    this.violation(`G7 node ${name} was declared dead while its lease held`);
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

  /** The only machine stops at once; the store keeps `snapshot`, or all. */
  async powerFailure(snapshot: ReturnType<MemoryStore['snapshot']> | null): Promise<void> {
    const { memory } = this;
    if (memory === null) throw new Error('a database does not fail with the machines of its nodes');
    this.marks.add(snapshot === null ? 'power failure' : 'tail lost');
    for (const process of this.processes) process.kill();
    this.hostOf(0).reboot();
    memory.restore(snapshot ?? memory.snapshot());
    await this.#rolledBack(memory.rows(), false);
    this.ledger.rolledBack((runId) => this.rowOf(runId)?.fence ?? -1);
  }

  /** Another server took the place of the database's; true if the last `lostMs` are lost. */
  async failedOver(lostMs: number): Promise<boolean> {
    const { database } = this;
    if (database === null) throw new Error('only a database fails over');
    const { silentLossMs } = this.#options;
    if (!database.failOver(silentLossMs ?? lostMs) || silentLossMs !== undefined) return false;
    this.marks.add('failover lost commits');
    this.trace.add('the last moments are lost');
    const before = new Map(this.#byId);
    const rows = database.rows();
    const { epochs } = this.scenario;
    const floor = fenceOf(floorOf(epochs ? database.epoch : 0));
    this.lost.lose(before, new Map(rows.map((row) => [row.id, row])), floor);
    this.deaths.renewalsLost();
    await this.#rolledBack(rows, true);
    return true;
  }

  /** The store is what it was some time ago. */
  async #rolledBack(rows: readonly RunRow[], ownersLive: boolean): Promise<void> {
    for (const one of [this.steps, this.parts, this.signals, this.flow]) one.rolledBack();
    this.#byId.clear();
    for (const row of rows) this.#byId.set(row.id, row);
    this.audit.restored(rows, ownersLive);
    this.#deadNodes.clear();
    for (const { node, state } of await this.store.nodes()) {
      if (state === 'dead' || state === 'left') this.#deadNodes.add(node);
    }
    this.#terms.clear();
    for (const { tenant, runningMax } of await this.store.tenants(1_000)) {
      this.#terms.set(tenant, runningMax);
    }
    await this.dead.rolledBack();
  }

  /** One step: the next thing in time, and all that follows from it at once. */
  async step(): Promise<boolean> {
    if (!this.clock.fireNext()) return false;
    await settle();
    this.flow.paces.look();
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
    for (const one of [this.ledger, this.steps, this.parts, this.signals]) one.forget(id);
    this.flow.forget(id);
    this.dead.forget(id);
    this.marks.add('pruned');
    this.trace.add(`#${seq} pruned`);
    this.onPruned?.(id);
  }

  #committed(changes: readonly RunChange[]): void {
    for (const { before, after } of changes) this.#note(before, after);
    this.audit.committed(changes);
    this.flow.committed(changes);
    this.dead.committed(changes);
  }

  #note(before: RunRow | undefined, after: RunRow | undefined): void {
    if (after === undefined) {
      if (before !== undefined) this.#pruned(before);
      return;
    }
    if (before?.stage === 'running' && after.stage !== 'running' && after.fence > before.fence) {
      const crashed = after.crashes > before.crashes || after.outcome === 'lost';
      if (!crashed) this.#overdue.add(`${before.id}/${before.fence}`);
    }
    this.#byId.set(after.id, after);
    const { seq, stage, fence, attempt, owner, outcome, laneHeld, tenantHeld } = after;
    if (stage === 'running') this.#fences.set(`${after.id}/${attempt}/${owner}`, fence);
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

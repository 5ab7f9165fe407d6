/**
 * Owns the faults of the simulated world: which one happens when, and how long it lasts.
 */
import type { MemoryStore } from '../../src/store/memory/memory-store.ts';
import type { SeededRandom } from '../../src/testing/index.ts';
import type { Host } from './host.ts';
import { type NetworkFault, NetworkFaults } from './network-faults.ts';
import { type FaultKind, networkFaults } from './scenario.ts';
import type { SimProcess } from './sim-process.ts';
import type { SimWorld } from './sim-world.ts';

type Snapshot = ReturnType<MemoryStore['snapshot']>;

const snapshotEveryMs = 400;
const snapshotsKept = 5;
const restartMsMax = 8_000;

const isFar = (kind: FaultKind): kind is NetworkFault => networkFaults.some((one) => one === kind);

/** Brings faults about until it is told to stop. */
export class Nemesis {
  readonly #world: SimWorld;
  readonly #random: SeededRandom;
  readonly #kinds: readonly FaultKind[];
  readonly #network: NetworkFaults | null;
  #snapshots: Snapshot[] = [];
  readonly #lostTail: () => void;
  #on = true;

  /** `lostTail` is told after commits were lost. */
  constructor(world: SimWorld, lostTail: () => void) {
    this.#world = world;
    this.#random = world.random.fork();
    const passive: readonly FaultKind[] = ['bus', 'store-delay', 'store-fail', 'store-lost-answer'];
    this.#kinds = [...world.scenario.faults].filter((kind) => !passive.includes(kind));
    this.#lostTail = lostTail;
    const { database } = world;
    this.#network =
      database === null
        ? null
        : new NetworkFaults(world, database, this.#random.fork(), this.#lostTail);
  }

  start(): void {
    if (this.#kinds.length > 0) this.#next();
    const { faults, durability } = this.#world.scenario;
    const { memory } = this.#world;
    if (memory !== null && faults.has('host-crash') && durability === 'relaxed') {
      this.#keepSnapshots(memory);
    }
  }

  /** No more faults; whatever stands goes on. */
  heal(): void {
    this.#on = false;
    const world = this.#world;
    world.faultsOn = false;
    for (const host of world.hosts) host.legible = true;
    this.#network?.heal();
    for (const process of [...world.processes]) {
      for (const why of ['pause', 'stall', 'stuck'] as const) process.goOn(why);
    }
  }

  /** Whoever is gone begins to come back. */
  restartAll(): void {
    for (const { index } of [...this.#world.processes]) this.#restart(index, null);
  }

  /** Starts a process in the place of one that is gone. */
  #restart(index: number, reusePid: number | null): void {
    if (this.#world.processes[index]?.state !== 'gone') return;
    void this.#world.spawn(index, reusePid).start();
  }

  #next(): void {
    const { clock, scenario } = this.#world;
    clock.after(this.#random.between(1, 2 * scenario.faultEveryMs), () => {
      if (!this.#on) return;
      this.#strike(this.#random.pick(this.#kinds));
      this.#next();
    });
  }

  #strike(kind: FaultKind): void {
    const world = this.#world;
    if (isFar(kind)) {
      this.#network?.strike(kind);
      return;
    }
    if (kind === 'wall-jump') {
      this.#jump(this.#random.between(-30_000, 30_000));
      return;
    }
    if (kind === 'blind-process-table') {
      const host = this.#someHost();
      world.trace.add('fault: the process table is blind');
      host.legible = false;
      this.#later(this.#random.between(500, 20_000), () => {
        host.legible = true;
      });
      return;
    }
    if (kind === 'host-crash') {
      // It takes everything with it, so it is rare among the others.
      if (!this.#random.chance(0.3)) return;
      if (world.memory === null) this.#hostCrash(this.#someHost());
      else void this.#powerFailure();
      return;
    }
    const victims = world.processes.filter(({ state }) => state === 'up' || state === 'draining');
    if (victims.length > 0) this.#hit(kind, this.#random.pick(victims));
  }

  #hit(kind: FaultKind, victim: SimProcess): void {
    const { trace, scenario } = this.#world;
    trace.add(`fault: ${kind} ${victim.name}`);
    switch (kind) {
      case 'crash':
        this.#crash(victim);
        return;
      case 'pause':
      case 'stall':
      case 'stuck': {
        victim.stand(kind);
        const leases = this.#random.pick([0.2, 1.2, 3, 6]);
        this.#later(leases * scenario.leaseTtlMs, () => victim.goOn(kind));
        return;
      }
      case 'drain':
        void victim.drain(this.#random.between(0, 3_000)).then(() => this.#restartLater(victim));
        return;
      default:
        throw new Error(`no victim of '${kind}'`);
    }
  }

  #crash(victim: SimProcess): void {
    const { node } = victim;
    victim.kill();
    this.#world.promptness.killed(victim, node);
    this.#restartLater(victim);
  }

  #someHost(): Host {
    const { hosts } = this.#world;
    const [first] = hosts;
    if (first === undefined) throw new Error('a world without a host');
    return hosts.length === 1 ? first : this.#random.pick(hosts);
  }

  /** One machine's wall clock; on one machine that is everybody's. */
  #jump(byMs: number): void {
    const { memory, trace, clock } = this.#world;
    trace.add(`fault: the wall clock jumps by ${byMs} ms`);
    if (memory !== null) clock.stepWall(byMs);
    else this.#someHost().wallAheadMs += byMs;
  }

  /** One of several machines stops. */
  #hostCrash(host: Host): void {
    this.#world.trace.add('fault: a machine crashes');
    this.#world.marks.add('machine crashed');
    const victims = this.#world.processes.filter((one) => one.host === host);
    for (const victim of victims) {
      if (victim.state !== 'gone') this.#crash(victim);
    }
    host.reboot();
  }

  #restartLater(victim: SimProcess): void {
    const reusePid = this.#random.chance(0.3) ? victim.identity.pid : null;
    this.#later(this.#random.between(50, restartMsMax), () => {
      this.#restart(victim.index, reusePid);
    });
  }

  #later(ms: number, action: () => void): void {
    this.#world.clock.after(ms, () => {
      if (this.#on) action();
    });
  }

  #keepSnapshots(memory: MemoryStore): void {
    this.#snapshots = [...this.#snapshots, memory.snapshot()].slice(-snapshotsKept);
    this.#later(snapshotEveryMs, () => this.#keepSnapshots(memory));
  }

  /**
   * With durability `relaxed` the last moments may go; with `full` nothing that was acknowledged.
   */
  async #powerFailure(): Promise<void> {
    const world = this.#world;
    const loses = world.scenario.durability === 'relaxed' && this.#snapshots.length > 0;
    const snapshot = loses ? this.#random.pick(this.#snapshots) : null;
    world.trace.add(`fault: power failure, ${loses ? 'the tail is lost' : 'nothing is lost'}`);
    this.#snapshots = [];
    await world.powerFailure(snapshot);
    if (loses) this.#lostTail();
    for (const victim of [...world.processes]) this.#restartLater(victim);
  }
}

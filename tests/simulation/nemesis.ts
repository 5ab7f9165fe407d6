/**
 * Owns the faults of the simulated world: which one happens when, and how long it lasts.
 */
import type { MemoryStore } from '../../src/store/memory/memory-store.ts';
import type { SeededRandom } from '../../src/testing/index.ts';
import type { FaultKind } from './scenario.ts';
import type { SimProcess } from './sim-process.ts';
import type { SimWorld } from './sim-world.ts';

type Snapshot = ReturnType<MemoryStore['snapshot']>;

const snapshotEveryMs = 400;
const snapshotsKept = 5;
const restartMsMax = 8_000;

/** Brings faults about until it is told to stop. */
export class Nemesis {
  readonly #world: SimWorld;
  readonly #random: SeededRandom;
  readonly #kinds: readonly FaultKind[];
  #snapshots: Snapshot[] = [];
  #lostTail: (() => void) | undefined;
  #on = true;

  /** `lostTail` is told after commits were lost. */
  constructor(world: SimWorld, lostTail: () => void) {
    this.#world = world;
    this.#random = world.random.fork();
    const passive: readonly FaultKind[] = ['bus', 'store-delay', 'store-fail', 'store-lost-answer'];
    this.#kinds = [...world.scenario.faults].filter((kind) => !passive.includes(kind));
    this.#lostTail = lostTail;
  }

  start(): void {
    if (this.#kinds.length > 0) this.#next();
    const { faults, durability } = this.#world.scenario;
    if (faults.has('host-crash') && durability === 'relaxed') this.#keepSnapshots();
  }

  /** No more faults; whatever stands goes on. */
  heal(): void {
    this.#on = false;
    const world = this.#world;
    world.faultsOn = false;
    world.host.legible = true;
    for (const process of [...world.processes]) {
      for (const why of ['pause', 'stall', 'stuck'] as const) process.goOn(why);
    }
  }

  /** Whoever is gone comes back. */
  async restartAll(): Promise<void> {
    for (const { index } of [...this.#world.processes]) await this.#restart(index, null);
  }

  /** Starts a process in the place of one that is gone. */
  async #restart(index: number, reusePid: number | null): Promise<void> {
    if (this.#world.processes[index]?.state !== 'gone') return;
    await this.#world.spawn(index, reusePid).start();
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
    if (kind === 'wall-jump') {
      const byMs = this.#random.between(-30_000, 30_000);
      world.trace.add(`fault: the wall clock jumps by ${byMs} ms`);
      world.clock.stepWall(byMs);
      return;
    }
    if (kind === 'blind-process-table') {
      world.trace.add('fault: the process table is blind');
      world.host.legible = false;
      this.#later(this.#random.between(500, 20_000), () => {
        world.host.legible = true;
      });
      return;
    }
    if (kind === 'host-crash') {
      // It takes everything with it, so it is rare among the others.
      if (this.#random.chance(0.3)) void this.#powerFailure();
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
        victim.kill();
        this.#world.promptness.killed(victim);
        this.#restartLater(victim);
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

  #restartLater(victim: SimProcess): void {
    const reusePid = this.#random.chance(0.3) ? victim.identity.pid : null;
    this.#later(this.#random.between(50, restartMsMax), () => {
      void this.#restart(victim.index, reusePid);
    });
  }

  #later(ms: number, action: () => void): void {
    this.#world.clock.after(ms, () => {
      if (this.#on) action();
    });
  }

  #keepSnapshots(): void {
    this.#snapshots = [...this.#snapshots, this.#world.store.snapshot()].slice(-snapshotsKept);
    this.#later(snapshotEveryMs, () => this.#keepSnapshots());
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
    if (loses) this.#lostTail?.();
    for (const victim of [...world.processes]) this.#restartLater(victim);
  }
}

/**
 * Owns the faults of worlds of several machines: the network, the database server, and clocks that
 * differ.
 */
import type { SeededRandom } from '../../src/testing/index.ts';
import type { Database } from './database.ts';
import type { FaultKind } from './scenario.ts';
import type { SimProcess } from './sim-process.ts';
import type { SimWorld } from './sim-world.ts';

/** Faults that this file brings about. */
export type NetworkFault = Extract<FaultKind, 'cut' | 'away' | 'failover' | 'database-clock'>;

const steps: readonly number[] = [500, 5_000, 30_000, 120_000];

export class NetworkFaults {
  readonly #world: SimWorld;
  readonly #database: Database;
  readonly #random: SeededRandom;
  /** What was lost is not promised any more. */
  readonly #lost: () => void;
  #on = true;
  /** No outage begins before. */
  #quietUntil = 0;

  constructor(world: SimWorld, database: Database, random: SeededRandom, lost: () => void) {
    this.#world = world;
    this.#database = database;
    this.#random = random;
    this.#lost = lost;
  }

  strike(kind: NetworkFault): void {
    switch (kind) {
      case 'cut':
        this.#cut();
        return;
      case 'away':
        this.#away(false);
        return;
      case 'failover':
        this.#away(true);
        return;
      case 'database-clock':
        this.#stepClock();
        return;
    }
  }

  heal(): void {
    this.#on = false;
    this.#database.comeBack();
    this.#database.wallAheadMs = 0;
    for (const { link } of this.#world.processes) link?.heal();
    for (const host of this.#world.hosts) host.wallAheadMs = 0;
  }

  #later(ms: number, action: () => void): void {
    this.#world.clock.after(ms, () => {
      if (this.#on) action();
    });
  }

  /** Short, around the lease, or long; never longer than this world allows. */
  #outageMs(): number {
    const { leaseTtlMs, outageMsMax } = this.#world.scenario;
    const leases = this.#random.pick([0, 0.1, 0.3, 0.9, 1.3, 3]);
    return Math.min(outageMsMax, leases * leaseTtlMs + this.#random.between(0, 400));
  }

  /** With short outages nobody is kept from renewing for long: they leave time in between. */
  #quiet(forMs: number): boolean {
    const { clock, scenario } = this.#world;
    if (clock.mono() < this.#quietUntil) return true;
    this.#quietUntil =
      clock.mono() + forMs + (scenario.outageMsMax < scenario.leaseTtlMs ? 9_000 : 0);
    return false;
  }

  #cut(): void {
    const forMs = this.#outageMs();
    const victims = this.#world.processes.filter(
      ({ state, link }) => state !== 'gone' && link?.open,
    );
    if (victims.length === 0 || this.#quiet(forMs)) return;
    const victim: SimProcess = this.#random.pick(victims);
    this.#world.trace.add(`fault: ${victim.name} is cut off for ${Math.round(forMs)} ms`);
    this.#world.marks.add('cut off');
    victim.link?.cut();
    this.#later(forMs, () => victim.link?.heal());
  }

  #away(other: boolean): void {
    if (!this.#database.up) return;
    const forMs = this.#outageMs();
    if (this.#quiet(forMs)) return;
    const { trace, scenario, marks } = this.#world;
    trace.add(`fault: the database is away for ${Math.round(forMs)} ms`);
    marks.add('database away');
    this.#database.goAway();
    if (other) {
      marks.add('failover');
      const lostMs = scenario.kind === 'lossy' ? this.#random.int(scenario.lostMsMax) : 0;
      this.#database.wallAheadMs += this.#random.between(-2_000, 2_000);
      void this.#world.failedOver(lostMs).then((lost) => {
        if (lost) this.#lost();
      });
    }
    this.#later(forMs, () => {
      this.#world.trace.add('the database is back');
      this.#database.comeBack();
    });
  }

  /** One step, or several within a heartbeat. */
  #stepClock(): void {
    const times = this.#random.chance(0.3) ? this.#random.between(2, 5) : 1;
    for (let n = 0; n < times; n += 1) {
      const byMsMax = this.#random.pick(steps);
      const byMs = this.#random.between(-byMsMax, byMsMax);
      this.#later(n * this.#random.between(1, 900), () => {
        this.#world.trace.add(`fault: the database's clock steps by ${byMs} ms`);
        this.#world.marks.add('database clock stepped');
        this.#database.wallAheadMs += byMs;
      });
    }
  }
}

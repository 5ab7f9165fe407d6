/**
 * Owns one simulated process: a main thread with an engine, and a second one for the heartbeat, and
 * for the store where that is on the same machine.
 *
 * P1 Paused, neither thread goes on. Stalled (a busy event loop), only the main thread stands
 *    still. Stuck (a slow disk, a starved thread), only the second one does.
 * P2 Killed, it never does anything again. A call that had not reached a store of its machine by
 *    then never does; one to a database may (K2).
 */

import { memoryBus } from '../../src/bus/memory/memory-bus.ts';
import type { NodeKey } from '../../src/core/execution/run.ts';
import { plainPayloads } from '../../src/core/payload.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { ProcessIdentity } from '../../src/ports/process-table.ts';
import type { Store } from '../../src/ports/store.ts';
import {
  type ClockView,
  faultyBus,
  faultyStore,
  type SeededRandom,
  wrapStore,
} from '../../src/testing/index.ts';
import { childOf, hostedFunctions } from './functions.ts';
import { Gate } from './gate.ts';
import type { Host } from './host.ts';
import type { Place } from './ledger.ts';
import { Link } from './link.ts';
import { busFault, storeFault } from './message-faults.ts';
import type { SimWorld } from './sim-world.ts';

/** Why a thread stands still. */
type Standstill = 'pause' | 'stall' | 'stuck';

const pruneEveryMs = 20_000;

export class SimProcess implements Place {
  readonly name: string;
  readonly index: number;
  readonly slots: number;
  readonly identity: ProcessIdentity;
  readonly main: ClockView;
  readonly thread: ClockView;
  readonly engine: Engine;
  readonly store: Store;
  readonly host: Host;
  /** Its connections to the database, where the store is one. */
  readonly link: Link | null;
  /** Up: it joined and goes to work. */
  state: 'starting' | 'up' | 'draining' | 'gone' = 'starting';
  drains = false;
  readonly #world: SimWorld;
  readonly #mainGate: Gate;
  readonly #threadGate: Gate;
  readonly #standstills = new Set<Standstill>();
  readonly #closeBus: () => void;
  #resumedAt = Number.NEGATIVE_INFINITY;

  constructor(world: SimWorld, index: number, incarnation: number, reusePid: number | null) {
    const { scenario, clock } = world;
    this.#world = world;
    this.index = index;
    this.name = `p${index}.${incarnation}`;
    this.slots = scenario.slots;
    this.host = world.hostOf(index);
    this.identity = this.host.spawn(reusePid);
    this.main = this.host.clock(clock.view());
    this.thread = this.host.clock(clock.view());
    this.#mainGate = new Gate(clock);
    this.#threadGate = new Gate(clock);
    const random = world.random.fork();
    this.link = this.#openLink(random);
    this.store = this.link?.store ?? this.#openStore(random.fork());
    const bus = this.#openBus(random.fork());
    this.#closeBus = () => void bus.close();
    this.engine = new Engine(
      {
        clock: this.main,
        random,
        store: this.store,
        bus,
        processes: this.host.table(this.identity),
        log: { log: (level, message) => world.trace.add(`${this.name} ${level}: ${message}`) },
        payloads: plainPayloads,
      },
      {
        name: this.name,
        slots: this.slots,
        ttlMs: scenario.leaseTtlMs,
        heartbeatMs: scenario.heartbeatMs,
        pollMs: scenario.pollMs,
        pruneEveryMs,
        retention: world.retention,
        functions: hostedFunctions(world, this),
        child: childOf,
      },
    );
  }

  get going(): boolean {
    return this.state !== 'gone' && this.#standstills.size === 0;
  }

  /** Its store calls can be answered and its code goes on. */
  get up(): boolean {
    return this.state === 'up' && this.going;
  }

  /** L4: stopped until this very moment, and so not aware of the time yet. */
  dazed(): boolean {
    return this.#world.clock.mono() === this.#resumedAt;
  }

  stands(): boolean {
    return this.#standstills.has('pause') || this.#standstills.has('stall');
  }

  /** The node whose tenure is current here. */
  get node(): NodeKey | null {
    return this.engine.node?.key ?? null;
  }

  async start(): Promise<boolean> {
    try {
      await this.engine.start();
    } catch (error) {
      this.#world.trace.add(`${this.name} cannot start: ${String(error)}`);
      this.kill();
      return false;
    }
    if (this.state === 'starting') this.state = 'up';
    return true;
  }

  stand(why: Standstill): void {
    if (this.state === 'gone') return;
    this.#standstills.add(why);
    if (why === 'pause') this.host.mark(this.identity, 'stopped');
    if (why !== 'stuck') {
      this.#mainGate.freeze();
      this.main.freeze();
    }
    if (why !== 'stall') {
      this.#threadGate.freeze();
      this.thread.freeze();
    }
  }

  goOn(why: Standstill): void {
    if (this.state === 'gone' || !this.#standstills.delete(why)) return;
    if (why === 'pause') this.host.mark(this.identity, 'alive');
    const others = [...this.#standstills];
    if (others.every((one) => one === 'stuck')) {
      this.#resumedAt = this.#world.clock.mono();
      this.#mainGate.unfreeze();
      this.main.unfreeze();
    }
    if (others.every((one) => one === 'stall')) {
      this.#threadGate.unfreeze();
      this.thread.unfreeze();
    }
  }

  kill(): void {
    if (this.state === 'gone') return;
    this.state = 'gone';
    this.#world.marks.count(this.engine.counters);
    this.#mainGate.kill();
    this.#threadGate.kill();
    this.main.drop();
    this.thread.drop();
    this.#closeBus();
    this.host.mark(this.identity, 'gone');
    this.#world.ledger.gone(this);
  }

  /** What SIGTERM does: ends in good order, then the process is gone. */
  async drain(graceMs: number): Promise<void> {
    if (this.state !== 'up') return;
    this.state = 'draining';
    this.drains = true;
    await this.engine.node?.drain(graceMs);
    this.#world.trace.add(`${this.name} drained`);
    await this.engine.node?.close();
    this.kill();
  }

  /** Only where there is a network in between. */
  #openLink(random: SeededRandom): Link | null {
    const world = this.#world;
    const { database } = world;
    if (database === null) return null;
    return new Link({
      ...{ world, database, random: random.fork() },
      main: { gate: this.#mainGate, clock: this.main },
      heart: { gate: this.#threadGate, clock: this.thread },
      verbs: world.observe(database.store()),
      renewed: (node, startedAt) => world.deaths.renewed(node, this, startedAt),
    });
  }

  #openStore(random: SeededRandom): Store {
    const world = this.#world;
    const own = world.memory?.viewFor(this.thread) ?? world.store;
    const observed = world.observe(own);
    const faulty = faultyStore(observed, {
      clock: this.thread,
      decide: () => storeFault(world, random),
    });
    const gated = wrapStore(faulty, (_call, make) =>
      this.#mainGate.answer(this.#threadGate.answer(Promise.resolve()).then(make)),
    );
    return {
      ...gated,
      keepAlive: (ask) =>
        faulty.keepAlive({
          ...ask,
          onBeat: (beat) => this.#mainGate.tell(() => ask.onBeat(beat)),
          onFenced: () => this.#mainGate.tell(() => ask.onFenced()),
        }),
    };
  }

  #openBus(random: SeededRandom): ReturnType<typeof faultyBus> {
    const world = this.#world;
    const real = memoryBus({ hub: world.hub, defer: (call) => void world.clock.after(0, call) });
    const faulty = faultyBus(real, {
      clock: world.clock,
      decide: () => busFault(world, random, this.link),
    });
    return {
      publish: (topic) => {
        if (this.link?.open ?? true) faulty.publish(topic);
      },
      subscribe: (topic, listener) => faulty.subscribe(topic, () => this.#mainGate.tell(listener)),
      close: () => faulty.close(),
    };
  }
}

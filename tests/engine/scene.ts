/**
 * A host with runtimes on one store in memory, on a clock that the test moves.
 */

import { memoryBus, memoryHub } from '../../src/bus/memory/memory-bus.ts';
import type { AnyFunction } from '../../src/define-function.ts';
import { Holdfast } from '../../src/holdfast.ts';
import type { Bus } from '../../src/ports/bus.ts';
import type { LogLevel } from '../../src/ports/log.ts';
import type { ProcessIdentity, ProcessState } from '../../src/ports/process-table.ts';
import type { OpenOptions } from '../../src/runtime/options.ts';
import { openRuntime } from '../../src/runtime.ts';
import { createMemoryStore } from '../../src/store/memory/memory-store.ts';
import {
  type ClockView,
  faultyStore,
  SimulatedClock,
  type StoreCall,
  type StoreFault,
  seededRandom,
} from '../../src/testing/index.ts';

/** One line that a runtime said. */
export interface Said {
  readonly level: LogLevel;
  readonly message: string;
}

/** One process with one runtime. */
export interface Actor {
  readonly hf: Holdfast;
  readonly clock: ClockView;
  /** By which its heartbeat goes: frozen, nothing is renewed. */
  readonly thread: ClockView;
  /** The verbs that it called, in order. */
  readonly calls: StoreCall[];
  readonly said: Said[];
  readonly identity: ProcessIdentity;
}

export interface ActorOptions extends Omit<Partial<OpenOptions>, 'functions'> {
  readonly functions?: readonly AnyFunction[];
  /** What happens to each of its store calls. */
  readonly fault?: (call: StoreCall) => StoreFault | null;
  /** Hears no wake-ups of others, and its own are not heard. */
  readonly deaf?: boolean;
}

/** The host. */
export class Scene {
  readonly clock = new SimulatedClock();
  readonly store = createMemoryStore({ clock: this.clock });
  readonly #hub = memoryHub();
  readonly #states = new Map<number, ProcessState>();
  readonly #actors: Actor[] = [];

  /** Starts a process with a runtime. */
  async open(options: ActorOptions = {}): Promise<Actor> {
    const { fault = () => null, deaf = false, ...given } = options;
    const pid = 100 + this.#states.size;
    this.#states.set(pid, 'alive');
    const identity = { hostId: 'host', hostName: 'host', pid, startedAt: `start-${pid}` };
    const clock = this.clock.view();
    const thread = this.clock.view();
    const calls: StoreCall[] = [];
    const said: Said[] = [];
    const decide = (call: StoreCall): StoreFault | null => {
      calls.push(call);
      return fault(call);
    };
    const runtime = await openRuntime(
      {
        store: 'memory:',
        ...given,
        log: { log: (level, message) => said.push({ level, message }) },
      },
      {
        clock,
        random: seededRandom(pid),
        store: faultyStore(this.store.viewFor(thread), { clock, decide }),
        bus: this.#bus(deaf),
        processes: {
          self: () => identity,
          look: (other) => this.#states.get(other.pid) ?? 'unknown',
        },
        log: { log: (level, message) => said.push({ level, message }) },
      },
    );
    const actor = { hf: new Holdfast(runtime), clock, thread, calls, said, identity };
    this.#actors.push(actor);
    return actor;
  }

  /** Lets time pass, and everything happen that happens in it. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.clock.advance(0);
  }

  /** SIGKILL. */
  kill({ clock, thread, identity }: Actor): void {
    clock.drop();
    thread.drop();
    this.#states.set(identity.pid, 'gone');
  }

  /** SIGSTOP. */
  freeze({ clock, thread, identity }: Actor): void {
    clock.freeze();
    thread.freeze();
    this.#states.set(identity.pid, 'stopped');
  }

  /** SIGCONT. */
  unfreeze({ clock, thread, identity }: Actor): void {
    clock.unfreeze();
    thread.unfreeze();
    this.#states.set(identity.pid, 'alive');
  }

  /** The process table says this of a process. */
  mark({ identity }: Actor, state: ProcessState): void {
    this.#states.set(identity.pid, state);
  }

  /** Closes what is left while time passes. */
  async close(): Promise<void> {
    const there = this.#actors.filter(({ identity }) => this.#states.get(identity.pid) === 'alive');
    const closing = there.map(({ hf }) => hf.close());
    let open = true;
    const all = Promise.all(closing).then(() => {
      open = false;
    });
    for (let minutes = 0; open && minutes < 60; minutes += 1) await this.clock.advance(60_000);
    if (open) throw new Error('a runtime did not close within an hour');
    await all;
  }

  #bus(deaf: boolean): Bus {
    if (!deaf) return memoryBus({ hub: this.#hub, defer: queueMicrotask });
    return { publish: () => {}, subscribe: () => () => {}, close: async () => {} };
  }
}

/** The names of the verbs that were called. */
export const verbsOf = ({ calls }: Actor): readonly string[] => calls.map(({ verb }) => verb);

/** A promise with a note whether it was settled yet. */
export function watched<T>(promise: Promise<T>) {
  const state = { settled: false, promise };
  const note = (): void => {
    state.settled = true;
  };
  promise.then(note, note);
  return state;
}

/**
 * Owns wake-ups within one process: several buses on one hub, for several nodes on one memory
 * store.
 */
import type { Bus, BusTopic } from '../../ports/bus.ts';
import type { Log } from '../../ports/log.ts';
import { silentLog } from '../../ports/log.ts';
import type { Defer } from '../listeners.ts';
import { Listeners, nextTurn } from '../listeners.ts';

/** What the buses of one store share. */
export type MemoryHub = Set<Listeners>;

/** A hub without buses. */
export const memoryHub = (): MemoryHub => new Set();

/** What a memory bus can be told. */
export interface MemoryBusOptions {
  /** Buses on the same hub hear each other. Default: a hub of its own. */
  readonly hub?: MemoryHub;
  readonly log?: Log;
  /** When listeners are called. Default: in the next turn of the event loop. */
  readonly defer?: Defer;
}

/** A bus whose wake-ups reach every bus on the same hub. */
export function memoryBus(options: MemoryBusOptions = {}): Bus {
  const hub = options.hub ?? memoryHub();
  const own = new Listeners(options.log ?? silentLog, options.defer ?? nextTurn);
  hub.add(own);
  const open = (): boolean => hub.has(own);
  return {
    publish(topic: BusTopic): void {
      if (!open()) return;
      for (const listeners of hub) listeners.wake(topic);
    },
    subscribe: (topic, listener) => (open() ? own.add(topic, listener) : () => {}),
    close: async () => {
      hub.delete(own);
      own.clear();
    },
  };
}

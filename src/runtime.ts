/**
 * Owns the wiring of a runtime: which store, bus, clock and process table its engine works with.
 *
 * W1 Opening is all or nothing: what was opened is closed again when a later part fails.
 * W2 This is the only place that knows the adapters by name.
 */
import { fileBus } from './bus/file/file-bus.ts';
import { memoryBus } from './bus/memory/memory-bus.ts';
import { Engine } from './engine/engine.ts';
import type { NodeSettings } from './engine/node.ts';
import type { World } from './engine/world.ts';
import { HoldOpen } from './runtime/hold-open.ts';
import { closedError, RuntimeLifeline } from './runtime/lifeline.ts';
import { type OpenOptions, type Settings, settingsOf } from './runtime/options.ts';
import { Registry } from './runtime/registry.ts';
import { StopStack } from './runtime/stop-stack.ts';
import { createMemoryStore } from './store/memory/memory-store.ts';
import { openSqliteStore } from './store/sqlite/sqlite-store.ts';
import { systemClock } from './system/clock.ts';
import { processTable } from './system/process-table.ts';
import { systemRandom } from './system/random.ts';

/** A runtime at work, as the public class sees it. */
export interface Runtime {
  readonly settings: Settings;
  readonly registry: Registry;
  readonly lifeline: RuntimeLifeline;
  /** Drains, leaves, and closes what was opened here. Called once. */
  close(): Promise<void>;
}

/**
 * Opens a runtime. `given` replaces the real surroundings, for tests and simulations: what is given
 * is not closed with the runtime, and such a runtime does not keep the process alive.
 */
export async function openRuntime(
  options: OpenOptions,
  given: World | null = null,
): Promise<Runtime> {
  const settings = settingsOf(options);
  const registry = new Registry(settings.functions);
  const stops = new StopStack(settings.log);
  try {
    const world = given ?? (await openWorld(settings, stops));
    const lives = given === null ? new HoldOpen() : null;
    return await start(settings, registry, world, lives, stops);
  } catch (error) {
    await stops.unwind();
    throw error;
  }
}

/** The real surroundings. */
async function openWorld(settings: Settings, stops: StopStack): Promise<World> {
  const { place, durability, busyPatienceMs, log } = settings;
  const clock = systemClock();
  const random = systemRandom();
  const processes = processTable();
  if (place.kind === 'memory') {
    const store = createMemoryStore({ clock });
    stops.push('the store', () => store.close());
    return { clock, random, processes, log, store, bus: memoryBus({ log }) };
  }
  const store = await openSqliteStore({ path: place.path, durability, busyPatienceMs });
  stops.push('the store', () => store.close());
  const bus = fileBus({ folder: `${place.path}-bus`, clock, random, log });
  stops.push('the bus', () => bus.close());
  return { clock, random, processes, log, store, bus };
}

async function start(
  settings: Settings,
  registry: Registry,
  world: World,
  lives: HoldOpen | null,
  stops: StopStack,
): Promise<Runtime> {
  const node = settings.execute ? nodeSettings(settings, registry, world) : null;
  const engine = new Engine(world, node);
  const lifeline = new RuntimeLifeline(engine, lives);
  stops.push('the engine', () => engine.close(closedError()));
  await engine.start();
  const release = settings.execute ? lifeline.hold() : () => {};
  return {
    settings,
    registry,
    lifeline,
    async close() {
      lifeline.close();
      await engine.node?.drain(settings.drainGraceMs);
      await stops.unwind();
      release();
    },
  };
}

function nodeSettings(settings: Settings, registry: Registry, world: World): NodeSettings {
  const { hostName, pid } = world.processes.self();
  return {
    name: settings.name ?? `${hostName}-${pid}`,
    slots: settings.slots,
    ttlMs: settings.leaseTtlMs,
    heartbeatMs: settings.heartbeatMs,
    pollMs: settings.pollMs,
    pruneEveryMs: settings.pruneEveryMs,
    retention: settings.retention,
    functions: registry.hosted(),
  };
}

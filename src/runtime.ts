/**
 * Owns the wiring of a runtime: which store, bus, clock and process table its engine works with.
 *
 * W1 Opening is all or nothing: what was opened is closed again when a later part fails.
 * W2 This is the only place that knows the adapters by name. Those of Postgres are loaded when they
 *    are asked for.
 */
import { fileBus } from './bus/file/file-bus.ts';
import { memoryBus } from './bus/memory/memory-bus.ts';
import { Engine } from './engine/engine.ts';
import type { NodeSettings } from './engine/node.ts';
import type { World } from './engine/world.ts';
import { Calls } from './runtime/calls/calls.ts';
import { childMaker } from './runtime/child-maker.ts';
import { type Given, withCodec } from './runtime/codec/with-codec.ts';
import { HoldOpen } from './runtime/hold-open.ts';
import { closedError, RuntimeLifeline } from './runtime/lifeline.ts';
import { redactingLog } from './runtime/log/redacting-log.ts';
import { type OpenOptions, type Settings, settingsOf } from './runtime/options.ts';
import type { StartWithin } from './runtime/postgres-parts.ts';
import { Registry } from './runtime/registry.ts';
import { holdResources } from './runtime/resources.ts';
import { StopStack } from './runtime/stop-stack.ts';
import { createMemoryStore } from './store/memory/memory-store.ts';
import type { StoreHealth } from './store/postgres/health.ts';
import { openSqliteStore } from './store/sqlite/sqlite-store.ts';
import { systemClock } from './system/clock.ts';
import { openTelemetry } from './system/open-telemetry.ts';
import { processTable } from './system/process-table.ts';
import { systemRandom } from './system/random.ts';

/** What the engine works with, and what callers need beside it. */
interface Surroundings extends Pick<Runtime, keyof typeof alone> {
  readonly world: Given;
}

/** What a store has that is not in a database. */
const alone = { startWithin: null, health: () => null };

/** A runtime at work, as the public class sees it. */
export interface Runtime {
  readonly settings: Settings;
  readonly registry: Registry;
  readonly lifeline: RuntimeLifeline;
  readonly calls: Calls;
  /** Null where the store knows no transactions of others. */
  readonly startWithin: StartWithin | null;
  /** How the store's server stood at the last look; null where nobody looks, or before. */
  readonly health: () => StoreHealth | null;
  /** Drains, leaves, and closes what was opened here. Called once. */
  close(): Promise<void>;
}

/**
 * Opens a runtime. `given` replaces the real surroundings, for tests and simulations: what is given
 * is not closed with the runtime, and such a runtime does not keep the process alive.
 */
export async function openRuntime(
  options: OpenOptions,
  given: Given | null = null,
): Promise<Runtime> {
  const settings = settingsOf(options);
  const registry = new Registry(settings.functions);
  const stops = new StopStack(settings.log);
  try {
    const { world: bare, ...more } =
      given === null ? await openSurroundings(settings, stops) : { world: given, ...alone };
    const { redactor, logRuns: logsRuns, codec } = settings;
    const log = given === null ? settings.log : redactingLog(given.log, redactor);
    const careful = { ...bare, log, redactor, logsRuns };
    const { world, startWithin } = withCodec(codec, careful, more.startWithin);
    const lives = given === null ? new HoldOpen() : null;
    const runtime = await start(settings, registry, world, lives, stops);
    return { ...runtime, ...more, startWithin };
  } catch (error) {
    await stops.unwind();
    throw error;
  }
}

/** The real surroundings. */
async function openSurroundings(settings: Settings, stops: StopStack): Promise<Surroundings> {
  const { place, durability, busyPatienceMs, log } = settings;
  const mechanics = { clock: systemClock(), random: systemRandom(), processes: processTable() };
  const own = { ...mechanics, tracing: openTelemetry(), log };
  const { clock, random } = own;
  switch (place.kind) {
    case 'memory': {
      const store = createMemoryStore({ clock });
      stops.push('the store', () => store.close());
      return { world: { ...own, store, bus: memoryBus({ log }) }, ...alone };
    }
    case 'sqlite': {
      const store = await openSqliteStore({ path: place.path, durability, busyPatienceMs });
      stops.push('the store', () => store.close());
      const bus = fileBus({ folder: `${place.path}-bus`, clock, random, log });
      stops.push('the bus', () => bus.close());
      return { world: { ...own, store, bus }, ...alone };
    }
    case 'postgres': {
      const { openPostgres } = await import('./runtime/postgres-parts.ts');
      const ask = { place, watches: settings.execute, durability, busyPatienceMs };
      const opened = await openPostgres({ ...ask, clock, random, log }, stops);
      const { store, bus, transactions, ...more } = opened;
      return { world: { ...own, store, bus, transactions }, ...more };
    }
  }
}

async function start(
  settings: Settings,
  registry: Registry,
  world: World,
  lives: HoldOpen | null,
  stops: StopStack,
): Promise<Omit<Runtime, keyof typeof alone>> {
  const node = settings.execute ? nodeSettings(settings, registry, world) : null;
  const engine = new Engine(world, node, settings.askMsMax);
  const lifeline = new RuntimeLifeline(engine, lives);
  if (settings.execute) holdResources(registry.list(), stops);
  stops.push('the engine', () => engine.close(closedError()));
  await engine.start();
  const calls = new Calls(world, settings.calls, engine.meters.calls);
  if (settings.execute) calls.serveAll(registry.list());
  const release = settings.execute ? lifeline.hold() : () => {};
  return {
    settings,
    registry,
    lifeline,
    calls,
    async close() {
      lifeline.close();
      const { drainGraceMs } = settings;
      await Promise.all([engine.node?.drain(drainGraceMs), calls.drain(drainGraceMs)]);
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
    child: childMaker(world, registry, settings.inputBytesMax),
  };
}

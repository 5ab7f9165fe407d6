/** Owns what a runtime tells of itself at once, without a look at its store. */
import type { Counters } from '../engine/counters.ts';
import type { Engine } from '../engine/engine.ts';
import type { StoreHealth } from '../store/postgres/health.ts';

/** What a runtime counts, and what it does right now. */
export interface RuntimeStats extends Readonly<Counters> {
  readonly slots: number;
  /** Slots with a handler in them. */
  readonly running: number;
  /** Of these, handlers that ignore that their run is over. */
  readonly stuck: number;
  /** Runs that somebody in this process waits for. */
  readonly waits: number;
  /** Readers of parts in this process that wait for more. */
  readonly readers: number;
  /**
   * How the server of a store in PostgreSQL stood at the last look, once a minute: held snapshots,
   * dead rows, and alarms. Null for other stores, before the first look, and where nothing is
   * executed.
   */
  readonly health: StoreHealth | null;
  /**
   * How this runtime stands among the nodes: `live`; `draining`; `away` while it lost its lease and
   * joins again; `none` where nothing is executed.
   */
  readonly node: 'live' | 'draining' | 'away' | 'none';
}

/** What an engine tells; `slots` is what it may execute at once. */
export function statsOf(engine: Engine, slots: number, health: StoreHealth | null): RuntimeStats {
  const { counters, node, waits, followers } = engine;
  return {
    ...counters,
    slots: node === null ? 0 : slots,
    running: node?.running ?? 0,
    stuck: node?.stuck ?? 0,
    waits: waits.size,
    readers: followers.size,
    health,
    node: standingOf(node),
  };
}

function standingOf(node: Engine['node']): RuntimeStats['node'] {
  if (node === null) return 'none';
  if (node.draining) return 'draining';
  return node.key === null ? 'away' : 'live';
}

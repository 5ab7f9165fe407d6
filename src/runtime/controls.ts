/**
 * Owns what operators look at and set beside runs: functions, lanes, tenants, nodes.
 *
 * K1 Pausing holds back what has not begun; what runs goes on.
 */
import { checkKey, checkNumber, checkOptions, checkWhole, reasonText } from '../core/check.ts';
import { limits } from '../core/limits.ts';
import { announce } from '../engine/world.ts';
import type { NodeRow } from '../ports/store-nodes.ts';
import type { LaneView, PauseView, TenantView } from '../ports/store-reads.ts';
import type { Lifeline } from './lifeline.ts';
import { hostsOf } from './pinning.ts';
import type { Registry } from './registry.ts';
import type { FunctionView } from './views.ts';

const keyOf = (name: string, value: string): string => checkKey(name, value, limits.keyCharsMax);

async function pause(
  lifeline: Lifeline,
  kind: PauseView['kind'],
  key: string,
  reason: string | undefined,
): Promise<void> {
  const { world } = lifeline.ensureOpen().engine;
  const { woken } = await world.store.pause(kind, keyOf(kind, key), reasonText(reason));
  announce(world, woken);
}

/** True if it was paused. */
async function resume(lifeline: Lifeline, kind: PauseView['kind'], key: string): Promise<boolean> {
  const { world } = lifeline.ensureOpen().engine;
  const { reply, woken } = await world.store.resume(kind, keyOf(kind, key));
  announce(world, woken);
  return reply;
}

/** Functions of a store. */
export class Functions {
  readonly #lifeline: Lifeline;
  readonly #registry: Registry;

  constructor(lifeline: Lifeline, registry: Registry) {
    this.#lifeline = lifeline;
    this.#registry = registry;
  }

  /**
   * Functions that live nodes host, that this runtime was given, that are paused, or that have
   * unfinished runs of one version.
   */
  async list(): Promise<readonly FunctionView[]> {
    const { store } = this.#lifeline.ensureOpen().engine.world;
    const [rows, pauses, pinned] = await Promise.all([
      store.nodes(),
      store.pauses(),
      store.pinned(limits.pageRowsMax),
    ]);
    const found = new Map<string, { versions: Set<string>; nodes: Set<string> }>();
    const at = (name: string) => {
      const entry = found.get(name) ?? { versions: new Set<string>(), nodes: new Set<string>() };
      found.set(name, entry);
      return entry;
    };
    for (const { name, version } of this.#registry.list()) at(name).versions.add(version);
    for (const row of rows) {
      if (row.state !== 'live' || row.leaseOver) continue;
      for (const { fn, version } of row.functions) {
        const entry = at(fn);
        entry.versions.add(version);
        entry.nodes.add(row.name);
      }
    }
    for (const { kind, key } of pauses) if (kind === 'function') at(key);
    for (const { fn } of pinned) at(fn);
    const hosts = hostsOf(rows);
    return [...found].sort(byName).map(([name, { versions, nodes }]) => ({
      name,
      versions: [...versions].sort(),
      nodes: [...nodes].sort(),
      here: this.#registry.has(name),
      pause: pauses.find(({ kind, key }) => kind === 'function' && key === name) ?? null,
      pinned: pinned
        .filter(({ fn }) => fn === name)
        .map(({ fn, ...counts }) => ({ ...counts, hosted: hosts(fn, counts.version) })),
    }));
  }

  /** Holds back every run of a function that has not begun, on all nodes. */
  pause(name: string, reason?: string): Promise<void> {
    return pause(this.#lifeline, 'function', name, reason);
  }

  /** Lets a paused function go on; false if it was not paused. */
  resume(name: string): Promise<boolean> {
    return resume(this.#lifeline, 'function', name);
  }
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : 1;

/** Lanes of a store. */
export class Lanes {
  readonly #lifeline: Lifeline;

  constructor(lifeline: Lifeline) {
    this.#lifeline = lifeline;
  }

  /** Lanes that hold or keep back runs, and paused ones: at most 1,000. */
  async list(): Promise<readonly LaneView[]> {
    return this.#lifeline.ensureOpen().engine.world.store.lanes(limits.pageRowsMax);
  }

  /** Lets no further run into the lane. */
  pause(key: string, reason?: string): Promise<void> {
    return pause(this.#lifeline, 'lane', key, reason);
  }

  /** Lets a paused lane go on; false if it was not paused. */
  resume(key: string): Promise<boolean> {
    return resume(this.#lifeline, 'lane', key);
  }
}

/** What can be set for a tenant; what is not given stays as it is. */
export interface TenantChange {
  /** Share relative to a tenant of weight 1, 0.01 to 1,000. */
  readonly weight?: number;
  /** How many of its runs at once; null: no limit. */
  readonly runningMax?: number | null;
  /** How many of its runs may wait; null: no limit. */
  readonly waitingMax?: number | null;
}

/** Tenants of a store. */
export class Tenants {
  readonly #lifeline: Lifeline;

  constructor(lifeline: Lifeline) {
    this.#lifeline = lifeline;
  }

  /** Tenants that have terms, or runs of late: at most 1,000. With `tenant` only that one. */
  async list(options: { readonly tenant?: string } = {}): Promise<readonly TenantView[]> {
    checkOptions('list', options, ['tenant']);
    const { tenant } = options;
    if (tenant !== undefined) keyOf('tenant', tenant);
    const { store } = this.#lifeline.ensureOpen().engine.world;
    return store.tenants(limits.pageRowsMax, tenant);
  }

  /** Sets the terms of a tenant, exact from the moment on at which this resolves. */
  async set(tenant: string, change: TenantChange): Promise<void> {
    keyOf('tenant', tenant);
    checkOptions('the terms', change, ['weight', 'runningMax', 'waitingMax']);
    const { weight, runningMax, waitingMax } = change;
    if (weight !== undefined) checkNumber('weight', weight, limits.weightMin, limits.weightMax);
    if (typeof runningMax !== 'object') whole('runningMax', runningMax, limits.tenantRunningMax);
    if (typeof waitingMax !== 'object') whole('waitingMax', waitingMax, limits.tenantWaitingMax);
    const { world } = this.#lifeline.ensureOpen().engine;
    const { woken } = await world.store.setTenant({
      tenant,
      ...(weight === undefined ? {} : { weight }),
      ...(runningMax === undefined ? {} : { runningMax }),
      ...(waitingMax === undefined ? {} : { waitingMax }),
    });
    announce(world, woken);
  }
}

const whole = (name: string, value: number | undefined, max: number): void => {
  if (value !== undefined) checkWhole(name, value, 0, max);
};

/** Nodes of a store. */
export class Nodes {
  readonly #lifeline: Lifeline;

  constructor(lifeline: Lifeline) {
    this.#lifeline = lifeline;
  }

  /** Nodes that are there, and those that left or died within the last day. */
  async list(): Promise<readonly NodeRow[]> {
    return this.#lifeline.ensureOpen().engine.world.store.nodes();
  }
}

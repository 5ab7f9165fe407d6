/**
 * Owns the store as the model test uses it: names of its own for each sequence of commands, so that
 * one store serves many sequences.
 */
import type { NodeKey } from '../../../src/core/execution/run.ts';
import type { Store } from '../../../src/ports/store.ts';
import { crashesMax, failuresMax, type Kind, places } from './model.ts';
import { plainPolicy, type Scene } from './scene.ts';

/** The kinds that are lanes. */
export const lanes = ['narrow', 'wide'] as const;

/** The store under test, and the names that one sequence of commands uses in it. */
export class Real {
  readonly scene: Scene;
  readonly store: Store;
  readonly name: string;
  readonly nodes: NodeKey[] = [];
  #retries = 0;

  constructor(scene: Scene, name: string) {
    this.scene = scene;
    this.store = scene.store;
    this.name = name;
  }

  async open(): Promise<void> {
    const terms = { tenant: this.tenant('limited'), weight: 1, waitingMax: null };
    await this.store.setTenant({ ...terms, runningMax: places.limited });
    for (let n = 0; n < 2; n += 1) this.nodes.push(await this.join());
  }

  join(): Promise<NodeKey> {
    return this.scene.join({ functions: [{ fn: this.name, version: '1', digest: 'd' }] });
  }

  tenant = (kind: Kind): string => `${this.name}-${kind === 'limited' ? kind : 'others'}`;
  lane = (kind: Kind): string => `${this.name}-${kind}`;
  id = (n: number): string => `${this.name}-${n}`;

  newId(): string {
    this.#retries += 1;
    return `${this.name}-again-${this.#retries}`;
  }

  item(id: string, kind: Kind, input: string) {
    const inLane = kind === 'narrow' || kind === 'wide';
    const lane = inLane ? { lane: this.lane(kind), laneWidth: places[kind] } : {};
    const policy = { retry: { ...plainPolicy.retry, attemptsMax: failuresMax }, crashesMax };
    return this.scene.item({
      id,
      fn: this.name,
      tenant: this.tenant(kind),
      input,
      policy,
      ...lane,
    });
  }

  /** Ends everything and takes it away, so that the next sequence finds an empty store. */
  async clear(): Promise<void> {
    await this.store.resume('function', this.name);
    for (const kind of lanes) await this.store.resume('lane', this.lane(kind));
    for (const node of this.nodes) await this.scene.bury(node);
    const ask = { filter: { fn: this.name }, before: null, rowsMax: 1_000 };
    const { runs } = await this.store.list(ask);
    await this.store.cancel(runs.map(({ id }) => ({ id, reason: 'over' })));
    const atOnce = { failed: -1_000, cancelled: -1_000, 'timed-out': -1_000, rejected: null };
    await this.store.prune({ ...atOnce, succeeded: -1_000, lost: null }, 500);
  }
}

/**
 * Owns the users who start runs under flow control: many at once of one key, because only those
 * meet.
 */
import type { StartItem } from '../../src/ports/store-runs.ts';
import type { SeededRandom } from '../../src/testing/index.ts';
import type { Desk } from './desk.ts';
import { type FlowName, flowKeys, flowOf, goesByLane } from './flow-terms.ts';
import { policies } from './functions.ts';
import type { SimWorld } from './sim-world.ts';
import type { Users } from './users.ts';

const burstsMax = 3;
const startsMax = 7;

export class FlowUsers {
  readonly #world: SimWorld;
  readonly #random: SeededRandom;
  readonly #desk: Desk;
  readonly #users: Users;

  constructor(desk: Desk, users: Users) {
    this.#desk = desk;
    this.#world = desk.world;
    this.#random = desk.random.fork();
    this.#users = users;
  }

  start(): void {
    const { flows, activeMs } = this.#world.scenario;
    for (const name of flows) {
      for (let left = this.#random.between(1, burstsMax); left > 0; left -= 1) {
        this.#desk.later(this.#random.between(0, activeMs), () => this.#burst(name));
      }
    }
  }

  /** Starts that may meet, in one call, close together, or over a while. */
  #burst(name: FlowName): void {
    const random = this.#random;
    const { tenants, lanes } = this.#world.scenario;
    const about = {
      key: random.pick(flowKeys),
      tenant: random.pick(tenants).tenant,
      lane: random.pick(lanes),
    };
    const count = random.between(2, startsMax);
    const items = Array.from({ length: count }, () => this.#draw(name, about));
    if (random.chance(0.2)) {
      this.#users.submit(items);
      return;
    }
    const spreadMs = random.pick([100, 3_000, 12_000]);
    for (const item of items) {
      this.#desk.later(random.between(0, spreadMs), () => this.#users.submit([item]));
    }
  }

  #draw(
    name: FlowName,
    { key, tenant, lane }: { key: string; tenant: string; lane: { key: string; width: number } },
  ): StartItem {
    const random = this.#random;
    const policy = policies[name];
    if (policy === undefined) throw new Error(`no policy for '${name}'`);
    const inLane = goesByLane(name) || (name === 'debounced' && random.chance(0.2));
    return {
      id: random.id(),
      idempotent: random.chance(0.7),
      fn: name,
      input: JSON.stringify({ dice: random.int(1_000_000) }),
      lane: inLane ? lane.key : null,
      laneWidth: lane.width,
      // Whoever is of another tenant, or key, meets nobody.
      tenant: random.chance(0.1) ? random.pick(this.#world.scenario.tenants).tenant : tenant,
      prioritySeconds: 0,
      dueAt: null,
      deadlineAt: null,
      tags: [goesByLane(name) ? 'lane' : key],
      policy,
      flow: flowOf(name, key),
    };
  }
}

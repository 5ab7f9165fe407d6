/**
 * Owns the users who deal with dead letters: they try them again, several of them at once, or
 * discard them.
 */
import type { SeededRandom } from '../../src/testing/index.ts';
import type { Desk } from './desk.ts';
import type { SimWorld } from './sim-world.ts';
import type { Users } from './users.ts';

export class Redrivers {
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

  async deal(): Promise<void> {
    const random = this.#random;
    const { ids } = this.#world.dead;
    if (ids.length === 0) return;
    const id = random.pick(ids);
    if (random.chance(0.3)) {
      await this.#desk.ask((one) => one.engine.intake.discards.add({ id, reason: 'no use' }));
      return;
    }
    const times = random.chance(0.4) ? 2 : 1;
    await Promise.all(Array.from({ length: times }, () => this.#redrive(id)));
  }

  async #redrive(id: string): Promise<void> {
    const fn = this.#world.rowOf(id)?.fn;
    const newId = this.#random.id();
    const verdict = await this.#desk.ask((one) => one.engine.intake.redrives.add({ id, newId }));
    if (fn === undefined || verdict?.ok !== true || this.#world.lost.gone(verdict.id)) return;
    if (this.#world.rowOf(verdict.id) !== undefined) this.#users.promise(verdict.id, fn);
  }
}

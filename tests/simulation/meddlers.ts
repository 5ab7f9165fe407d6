/**
 * Owns whoever interferes with runs that exist: cancels, retries, pauses, changes limits, looks.
 *
 * U4 (G5) What is cancelled at once is cancelled; what is said to be done is done.
 */
import { overdueMarginMs } from '../../src/core/execution/deadline.ts';
import { limits } from '../../src/core/limits.ts';
import type { SeededRandom } from '../../src/testing/index.ts';
import type { Desk } from './desk.ts';
import { eventNames } from './durable.ts';
import { functionNames, policies } from './functions.ts';
import { Redrivers } from './redrivers.ts';
import type { Meddling } from './scenario.ts';
import { Signallers } from './signallers.ts';
import type { SimWorld } from './sim-world.ts';
import type { Users } from './users.ts';

/** On average one of each kind in so much time. */
const everyMs = 3_000;

export class Meddlers {
  readonly #world: SimWorld;
  readonly #random: SeededRandom;
  readonly #desk: Desk;
  readonly #users: Users;
  readonly #signallers: Signallers;
  readonly #redrivers: Redrivers;

  constructor(desk: Desk, users: Users) {
    this.#signallers = new Signallers(desk);
    this.#redrivers = new Redrivers(desk, users);
    this.#desk = desk;
    this.#world = desk.world;
    this.#random = desk.random;
    this.#users = users;
  }

  start(): void {
    const { meddlings, activeMs } = this.#world.scenario;
    for (const meddling of meddlings) {
      for (let n = 0; n < activeMs / everyMs; n += 1) {
        this.#desk.later(this.#random.between(0, activeMs), () => this.#meddle(meddling));
      }
    }
  }

  /** What was paused goes on. */
  async resumeAll(): Promise<void> {
    for (const { kind, key } of await this.#world.store.pauses()) {
      await this.#world.store.resume(kind, key);
    }
  }

  #meddle(meddling: Meddling): void {
    switch (meddling) {
      case 'cancel':
        void this.#cancel();
        return;
      case 'pause-lane':
        this.#pause('lane', this.#random.pick(this.#world.scenario.lanes).key);
        return;
      case 'pause-function':
        this.#pause('function', this.#random.pick(functionNames));
        return;
      case 'tenant-terms':
        this.#newTerms();
        return;
      case 'retry':
        void this.#retry();
        return;
      case 'look':
        void this.#look();
        return;
      case 'tell':
        void this.#tell();
        return;
      case 'signal':
        this.#signallers.send();
        return;
      case 'dead-letters':
        void this.#redrivers.deal();
        return;
    }
  }

  async #cancel(): Promise<void> {
    const ids = [...this.#users.promised.keys()];
    if (ids.length === 0) return;
    const id = this.#random.pick(ids);
    const verdict = await this.#desk.ask((one) =>
      one.engine.intake.cancels.add({ id, reason: 'because' }),
    );
    if (verdict === null) return;
    const row = this.#world.rowOf(id);
    this.#world.trace.add(`cancel ${id}: ${verdict.ok ? verdict.state : verdict.code}`);
    if (row === undefined || this.#world.lost.touched(id)) return;
    if (verdict.ok && verdict.state === 'stopping') {
      const waitMs = row.stage === 'running' ? 0 : limits.cleanUpWaitMs + overdueMarginMs;
      this.#world.promptness.stopping(id, waitMs + (policies[row.fn]?.graceMs ?? 0));
    }
    const isDone = row.stage === 'done';
    if (verdict.ok && verdict.state === 'cancelled' && row.outcome !== 'cancelled') {
      this.#world.violation(`U4 run ${id} was cancelled at once and is ${row.outcome}`);
    }
    if (!verdict.ok && verdict.code === 'run.already_done' && !isDone) {
      this.#world.violation(`U4 run ${id} is said to be done and is ${row.stage}`);
    }
  }

  #pause(kind: 'lane' | 'function', key: string): void {
    void this.#desk.ask((one) => one.store.pause(kind, key, 'to see what happens'));
    this.#desk.later(this.#random.between(500, 8_000), () => {
      void this.#desk.ask((one) => one.store.resume(kind, key));
    });
  }

  #newTerms(): void {
    const terms = {
      tenant: this.#random.pick(this.#world.scenario.tenants).tenant,
      weight: this.#random.pick([0.2, 1, 3]),
      runningMax: this.#random.pick([null, 1, 2, 4]),
      waitingMax: null,
    };
    void this.#desk.ask((one) => one.store.setTenant(terms));
  }

  async #retry(): Promise<void> {
    const failed = [...this.#world.rows()].filter(
      ({ stage, outcome }) => stage === 'done' && outcome !== 'succeeded',
    );
    if (failed.length === 0) return;
    const { id, fn } = this.#random.pick(failed);
    const newId = this.#random.id();
    const verdict = await this.#desk.ask((one) => one.engine.intake.retries.add({ id, newId }));
    if (verdict?.ok !== true || this.#world.lost.gone(verdict.id)) return;
    this.#users.promise(verdict.id, fn);
  }

  /** Events and decisions; both may be told again after a lost answer. */
  async #tell(): Promise<void> {
    const name = this.#random.pick(eventNames);
    const item = { id: this.#random.id(), name, data: 'null' };
    for (const { tenant } of this.#world.scenario.tenants) {
      void this.#desk.ask((one) => one.engine.intake.events.add({ ...item, tenant }));
    }
    const { tokens } = this.#world.steps;
    if (tokens.length === 0) return;
    const token = this.#random.pick(tokens);
    const value = JSON.stringify({ state: 'approved', by: null, data: null });
    await this.#desk.ask((one) => one.engine.intake.answers.add({ token, tenant: null, value }));
  }

  /** Looking never fails and never changes anything; every run can be explained. */
  async #look(): Promise<void> {
    const { store } = this.#world;
    const rows = [...this.#world.rows()];
    if (rows.length === 0) return;
    const { id } = this.#random.pick(rows);
    const page = await store.list({ filter: {}, before: null, rowsMax: 5 });
    const facts = await store.explain(id);
    if (facts?.run.id !== id) this.#world.violation(`look: run ${id} cannot be explained`);
    if (page.runs.length === 0) this.#world.violation('look: runs are there and none is listed');
    await Promise.all([
      store.lanes(50),
      store.tenants(50),
      store.counts(),
      store.logs(id, null, 9),
    ]);
  }
}

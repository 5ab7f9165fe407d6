/**
 * Owns the users of the simulated world: they start runs, wait for ends, and keep book of what they
 * were promised.
 *
 * U1 (G3) Whatever was acknowledged is remembered here, and asked for at the end.
 * U2 (G2) Whoever is told an end is told the one that the store keeps.
 */

import { wallPlus } from '../../src/core/time.ts';
import type { StartItem, StartVerdict } from '../../src/ports/store-runs.ts';
import type { SeededRandom } from '../../src/testing/index.ts';
import type { Desk } from './desk.ts';
import { isDueByTerm } from './flow-terms.ts';
import { plainNames, policies } from './functions.ts';
import type { SimWorld } from './sim-world.ts';

const triesMax = 6;
/** Items of a batch do not say under which fence they are: after a loss two may look the same. */
const aloneNames = plainNames.filter((fn) => fn !== 'batched');

/** A run that the store promised to bring to its end. */
interface Promised {
  readonly id: string;
  /** Null: nobody has heard yet with which. */
  readonly input: string | null;
  readonly fn: string;
}

export class Users {
  readonly promised = new Map<string, Promised>();
  readonly #world: SimWorld;
  readonly #random: SeededRandom;
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#world = desk.world;
    this.#random = desk.random;
  }

  start(): void {
    const { scenario } = this.#world;
    const { runs, activeMs } = scenario;
    for (let left = runs; left > 0; ) {
      const count = this.#random.chance(0.1) ? Math.min(left, this.#random.between(2, 6)) : 1;
      left -= count;
      this.#desk.later(this.#random.between(0, activeMs), () => this.#startSome(count));
    }
    for (const { tenant, weight, runningMax, waitingMax } of scenario.tenants) {
      this.#desk.later(0, () =>
        this.#desk.ask((one) => one.store.setTenant({ tenant, weight, runningMax, waitingMax })),
      );
    }
  }

  /** A run goes on under this id: it is promised as well. */
  promise(id: string, fn: string): void {
    this.promised.set(id, { id, fn, input: null });
  }

  /** It was pruned: nothing is promised about it any more. */
  forget(id: string): void {
    this.promised.delete(id);
  }

  /** Commits were lost: only what is left in the store is still promised. */
  tailLost(): void {
    for (const id of [...this.promised.keys()]) {
      if (this.#world.rowOf(id) === undefined) this.promised.delete(id);
    }
  }

  #startSome(count: number): void {
    this.submit(Array.from({ length: count }, () => this.#draw()));
  }

  /** Starts runs, several in one call; one that has an id of its own perhaps once more. */
  submit(items: readonly StartItem[]): void {
    const [item] = items;
    if (item === undefined) return;
    if (items.length > 1) {
      void this.#submitAll(items);
      return;
    }
    void this.#submit(item, 1);
    if (item.idempotent && this.#random.chance(0.3)) {
      const other = this.#random.chance(0.2) ? JSON.stringify({ dice: -1 }) : item.input;
      const again = { ...item, input: other };
      const withinMs = item.flow?.debounce === undefined ? 3_000 : 15_000;
      this.#desk.later(this.#random.between(0, withinMs), () => void this.#submit(again, 1));
    }
  }

  /** Many in one call: some may be refused, and the others stand. */
  async #submitAll(items: readonly StartItem[]): Promise<void> {
    const verdicts = await this.#desk.ask((one) => one.engine.intake.starts.addAll(items));
    for (const [index, item] of items.entries()) {
      const verdict = verdicts?.[index];
      if (verdict !== undefined) this.#heard(item, verdict);
    }
  }

  /** Starts until an answer comes. Only the same id makes that safe. */
  async #submit(item: StartItem, attempt: number): Promise<void> {
    const verdict = await this.#desk.ask((one) => one.engine.intake.starts.add(item));
    if (verdict === null) {
      if (!item.idempotent || attempt >= triesMax) return;
      this.#desk.later(this.#random.between(10, 1_000), () => void this.#submit(item, attempt + 1));
      return;
    }
    this.#heard(item, verdict);
  }

  #heard(item: StartItem, verdict: StartVerdict): void {
    this.#world.trace.add(`start ${item.id}: ${verdict.ok ? 'accepted' : verdict.code}`);
    const { id, fn, input } = item;
    // Somebody hears late of what was lost since.
    if (!verdict.ok || this.#world.lost.gone(verdict.id)) return;
    if (verdict.id !== id) {
      this.#joined(verdict.id, fn);
      return;
    }
    const earlier = this.promised.get(id)?.input ?? null;
    // A debounced run takes others.
    const takesOthers = item.flow?.debounce !== undefined;
    if (earlier !== null && earlier !== input && !takesOthers) {
      this.#world.violation(`U1 two inputs were accepted under the id ${id}`);
    }
    this.promised.set(id, { id, fn, input });
    const row = this.#world.rowOf(id);
    if (row === undefined) this.#world.violation(`U1 run ${id} was acknowledged and is not there`);
    else if (item.dueAt === null && !isDueByTerm(fn)) this.#world.audit.startedAtOnce(id);
    if (this.#random.chance(0.4)) void this.#awaitEnd(id);
  }

  /** The start became another run: that one is promised now, for as long as it is kept. */
  #joined(id: string, fn: string): void {
    if (this.promised.has(id) || this.#world.rowOf(id) === undefined) return;
    this.promise(id, fn);
    if (this.#random.chance(0.4)) void this.#awaitEnd(id);
  }

  async #awaitEnd(id: string): Promise<void> {
    const process = this.#desk.someone();
    if (process === null) return;
    const { heard } = process.engine.waits.wait(id, this.#random.chance(0.5));
    // Whoever closes ends the waits of others with an error.
    const end = await heard.catch(() => undefined);
    if (end === undefined) return;
    const row = this.#world.rowOf(id);
    if (row === undefined || this.#world.lost.touched(id)) return;
    if (end === null && row.stage === 'done') return; // Pruned, and started again since.
    if (end === null) this.#world.violation(`U2 a waiter was told that run ${id} is unknown`);
    else if (row.outcome !== end.outcome.kind) {
      this.#world.violation(
        `U2 a waiter of run ${id} was told ${end.outcome.kind}: ${row.outcome}`,
      );
    }
  }

  #draw(): StartItem {
    const random = this.#random;
    const { scenario, clock } = this.#world;
    const lane = random.chance(0.6) ? random.pick(scenario.lanes) : null;
    const fn = random.pick(scenario.kind === 'lossy' ? aloneNames : plainNames);
    const policy = policies[fn];
    if (policy === undefined) throw new Error(`no policy for '${fn}'`);
    const later = random.chance(0.2);
    const bounded = random.chance(0.15);
    return {
      id: random.id(),
      idempotent: random.chance(0.7),
      fn,
      input: JSON.stringify({ dice: random.int(1_000_000) }),
      lane: lane?.key ?? null,
      // Some want the lane more to themselves than others do.
      laneWidth: random.chance(0.1) ? 1 : (lane?.width ?? 1),
      tenant: random.pick(scenario.tenants).tenant,
      prioritySeconds: random.chance(0.3) ? random.between(-60, 60) : 0,
      dueAt: later ? wallPlus(clock.wall(), random.between(-1_000, 8_000)) : null,
      deadlineAt: bounded ? wallPlus(clock.wall(), random.between(200, 20_000)) : null,
      tags: [],
      policy,
    };
  }
}

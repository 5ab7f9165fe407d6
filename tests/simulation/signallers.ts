/**
 * Owns the users who send signals to runs, some of them twice, and wait for answers.
 */
import type { SignalItem } from '../../src/ports/store-signals.ts';
import type { SeededRandom } from '../../src/testing/index.ts';
import type { Desk } from './desk.ts';
import { signalNames, unfit, unfitAnswer } from './durable.ts';
import type { SimWorld } from './sim-world.ts';

const burstMax = 4;
const triesMax = 5;

export class Signallers {
  readonly #world: SimWorld;
  readonly #random: SeededRandom;
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#world = desk.world;
    this.#random = desk.random.fork();
  }

  /** Signals to one run: mostly to one that goes on and waits for some, some time. */
  send(): void {
    const random = this.#random;
    const all = [...this.#world.rows()];
    const open = all.filter(({ fn, stage }) => fn === 'durable' && stage !== 'done');
    const some = open.length > 0 && random.chance(0.85) ? open : all;
    if (some.length === 0) return;
    const { id: runId } = random.pick(some);
    for (let left = random.between(1, burstMax); left > 0; left -= 1) {
      const name = random.pick(signalNames);
      const data = name === 'halt' && random.chance(0.3) ? unfit : JSON.stringify(random.int(9));
      const item = { runId, id: random.id(), name, data };
      if (data === unfit) this.#world.signals.answering(runId, item.id, unfitAnswer);
      void this.#submit(item, triesMax);
      if (random.chance(0.2)) {
        this.#desk.later(random.between(0, 3_000), () => void this.#submit(item, 1));
      }
    }
  }

  /** Sends until an answer comes; its id makes that safe. */
  async #submit(item: SignalItem, triesLeft: number): Promise<void> {
    const verdict = await this.#desk.ask((one) => one.engine.intake.signals.add(item));
    if (verdict === null) {
      if (triesLeft <= 1) return;
      const ms = this.#random.between(10, 1_000);
      this.#desk.later(ms, () => void this.#submit(item, triesLeft - 1));
      return;
    }
    this.#world.trace.add(`signal ${item.id}: ${verdict.ok ? 'accepted' : verdict.code}`);
    if (verdict.ok && this.#random.chance(0.7)) void this.#hear(item);
  }

  async #hear({ runId, id }: SignalItem): Promise<void> {
    const process = this.#desk.someone();
    if (process === null) return;
    const tell = this.#world.signals.waiting(runId, id);
    const { heard } = process.engine.answers.wait({ runId, id });
    // Whoever closes ends the waits of others with an error.
    const stand = await heard.catch(() => null);
    tell(stand);
  }
}

/**
 * Owns the connections of one process to the database: what the network does to a request and its
 * answer, and the heartbeat that goes over it.
 *
 * K1 A request takes effect when it arrives, if it does, and the caller hears of it if the answer
 *    arrives. A connection that breaks in between loses what was on the way; the caller is told at
 *    once or hears nothing until its patience ends.
 * K2 What was sent may arrive after all, when the network is whole again: long after the caller
 *    gave up, even after its death.
 * K3 The heartbeat has a thread and a connection of its own, and says the least that the judge's
 *    clock can be (J1 there).
 */
import { HoldfastError } from '../../src/core/errors.ts';
import type { NodeKey } from '../../src/core/execution/run.ts';
import type { Store } from '../../src/ports/store.ts';
import type { Beat } from '../../src/ports/store-nodes.ts';
import { JudgeSight } from '../../src/store/judge-clock.ts';
import { openKeepers } from '../../src/store/memory/keeper.ts';
import { type ClockView, type SeededRandom, wrapStore } from '../../src/testing/index.ts';
import type { Database } from './database.ts';
import type { Gate } from './gate.ts';
import { storeFault } from './message-faults.ts';
import type { SimWorld } from './sim-world.ts';

/** Of the requests that a broken connection lost, the share that arrives later. */
const lateShare = 0.3;
/** Of the broken connections, the share that is noticed at once. */
const noticedShare = 0.5;

/** One thread of a process: what reaches it, and its clock. */
interface Thread {
  readonly gate: Gate;
  readonly clock: ClockView;
}

export interface LinkParts {
  readonly world: SimWorld;
  readonly database: Database;
  readonly random: SeededRandom;
  readonly main: Thread;
  readonly heart: Thread;
  /** The database's verbs, with the auditors' eyes on them. */
  readonly verbs: Store;
  /** A renewal that began at `startedAt` is committed. */
  renewed(node: NodeKey, startedAt: number): void;
}

export class Link {
  readonly store: Store;
  readonly #parts: LinkParts;
  readonly #sights = new Map<NodeKey, JudgeSight>();
  #whole = true;
  #generation = 0;
  #healed: (() => void)[] = [];

  constructor(parts: LinkParts) {
    this.#parts = parts;
    const { main, heart, verbs } = parts;
    const called = wrapStore(verbs, ({ verb }, make) =>
      verb === 'close' ? make() : this.#send(main, verb, make),
    );
    const keepers = openKeepers(heart.clock, (node) => this.#beat(node));
    this.store = {
      ...called,
      join: (card) =>
        keepers.joining(() => {
          const startedAt = heart.clock.mono();
          return this.#send(main, 'join', async () => {
            const verdict = await verbs.join(card);
            if (verdict.ok) parts.renewed(verdict.node, startedAt);
            return verdict;
          });
        }),
      keepAlive: (ask) =>
        keepers.keepAlive({
          ...ask,
          onBeat: (beat) => main.gate.tell(() => ask.onBeat(beat)),
          onFenced: () => main.gate.tell(() => ask.onFenced()),
        }),
      close: () => keepers.stopAll(),
    };
  }

  /** Whether a request that is sent now arrives. */
  get open(): boolean {
    return this.#whole && this.#parts.database.up;
  }

  cut(): void {
    this.#whole = false;
    this.#generation += 1;
  }

  heal(): void {
    this.#whole = true;
    const told = this.#healed;
    this.#healed = [];
    for (const tell of told) tell();
  }

  async #beat(node: NodeKey): Promise<Beat | null> {
    const { heart, database, renewed } = this.#parts;
    const startedAt = heart.clock.mono();
    let sight = this.#sights.get(node);
    if (sight === undefined) {
      sight = new JudgeSight();
      this.#sights.set(node, sight);
    }
    const least = sight.least(startedAt);
    const { beat, seen } = await this.#send(heart, 'beat', async () => {
      const reply = database.beat(node, least);
      if (reply.beat !== null) renewed(node, startedAt);
      return reply;
    });
    sight.answered(seen, heart.clock.mono());
    return beat;
  }

  /** What the caller sees: an answer, a fault that it is told of, or the end of its patience. */
  #send<R>({ gate, clock }: Thread, verb: string, make: () => Promise<R>): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const fail = (why: string): void => {
        const message = `${verb}: ${why} (a simulated network)`;
        reject(new HoldfastError('store.unavailable', message));
      };
      const timer = clock.after(this.#parts.world.scenario.patienceMs, () => fail('no answer'));
      this.#travel(make).then(
        (answer) =>
          gate.tell(() => {
            if (answer === 'silence') return;
            timer.cancel();
            if (answer === 'broken') fail('the connection broke');
            else resolve(answer.reply);
          }),
        (error: unknown) =>
          gate.tell(() => {
            timer.cancel();
            reject(error);
          }),
      );
    });
  }

  /** There and back, by the world's time: what is on the way does not stop with its sender. */
  async #travel<R>(make: () => Promise<R>): Promise<{ readonly reply: R } | 'broken' | 'silence'> {
    const { world, random } = this.#parts;
    const fault = storeFault(world, random);
    const path = this.#path();
    const wayMsMax = world.scenario.wayMsMax;
    await this.#pass((fault?.delayMs ?? 0) + random.int(wayMsMax + 1));
    if (fault?.fail === 'before') return this.#lost();
    if (path !== this.#path() || !this.open) {
      if (world.faultsOn && random.chance(lateShare)) void this.#late(make);
      return this.#lost();
    }
    const reply = await make();
    await this.#pass((fault?.answerDelayMs ?? 0) + random.int(wayMsMax + 1));
    if (fault?.fail === 'after' || path !== this.#path()) {
      world.marks.add('answer lost');
      return this.#lost();
    }
    return { reply };
  }

  #lost(): 'broken' | 'silence' {
    return this.#parts.random.chance(noticedShare) ? 'broken' : 'silence';
  }

  /** Names the connection that is up right now. */
  #path(): string {
    return `${this.#generation}/${this.#parts.database.generation}`;
  }

  /** K2 */
  async #late(make: () => Promise<unknown>): Promise<void> {
    const { world, database, random } = this.#parts;
    await new Promise<void>((resolve) => {
      if (this.#whole) resolve();
      else this.#healed.push(resolve);
    });
    await new Promise<void>((resolve) => database.whenUp(resolve));
    await this.#pass(random.int(300));
    world.marks.add('request came late');
    await make().catch(() => {});
  }

  async #pass(ms: number): Promise<void> {
    if (ms <= 0) return;
    await new Promise<void>((resolve) => {
      this.#parts.world.clock.after(ms, resolve);
    });
  }
}

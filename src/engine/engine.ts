/**
 * Owns the engine of one runtime: the node, if it executes, and what callers need in any case.
 *
 * X1 Several engines may live in one process, on one store or on several: they share nothing here.
 */
import type { HoldfastError } from '../core/errors.ts';
import type { StartItem } from '../ports/store-runs.ts';
import { Answers } from './answers.ts';
import { type Counters, countersStart } from './counters.ts';
import { Followers } from './followers.ts';
import { Intake } from './intake.ts';
import { Meters } from './meters.ts';
import { Node, type NodeSettings, type NodeShared } from './node.ts';
import { Waits } from './waits.ts';
import type { World } from './world.ts';

/** The engine of one runtime. */
export class Engine {
  readonly world: World;
  readonly counters: Counters = countersStart();
  readonly meters = new Meters();
  readonly waits: Waits;
  readonly answers: Answers;
  readonly followers: Followers;
  readonly intake: Intake;
  readonly node: Node | null;
  readonly #unsubscribe: () => void;

  /** `node` null: nothing is executed here. `askMsMax`: see `Waits`. */
  constructor(world: World, node: NodeSettings | null, askMsMax?: number) {
    this.world = world;
    this.waits = new Waits(world, askMsMax);
    this.answers = new Answers(world, askMsMax);
    this.followers = new Followers(world, askMsMax);
    const { counters, meters, waits } = this;
    const sent = (items: readonly StartItem[]): void => this.node?.sent(items);
    this.intake = new Intake(world, this.counters, { sent });
    const send: NodeShared['send'] = (items) => this.intake.starts.addAll(items);
    const shared = { counters, meters, waits, send };
    this.node = node === null ? null : new Node(world, node, shared);
    this.#unsubscribe = world.bus.subscribe('done', () => {
      this.waits.wake();
      this.answers.wake();
    });
  }

  /** Goes to work. Rejects with `function.conflict` or a fault of the store. */
  async start(): Promise<void> {
    await this.node?.start();
  }

  /**
   * Ends all work at once where it was not drained before; waits end with `error`. Never rejects.
   */
  async close(error: HoldfastError): Promise<void> {
    await this.node?.close();
    this.#unsubscribe();
    this.answers.close(error);
    this.followers.close(error);
    this.waits.close(error);
  }
}

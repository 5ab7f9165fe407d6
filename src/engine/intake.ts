/**
 * Owns the way of requests into the store: starts, cancellations, retries, events, decisions and
 * signals of all callers.
 *
 * I1 Concurrent callers share store calls; each gets its own verdict after the commit.
 * I2 Wake-ups go out after the commit. A node of this very runtime asks for runs right behind the
 *    starts, in the same turn, so that one transaction accepts a run and hands it out.
 */
import { limits } from '../core/limits.ts';
import type { Waking } from '../ports/store.ts';
import type {
  DiscardItem,
  DiscardVerdict,
  RedriveItem,
  RedriveVerdict,
} from '../ports/store-flow.ts';
import type {
  CancelItem,
  CancelVerdict,
  RetryItem,
  RetryVerdict,
  StartItem,
  StartVerdict,
} from '../ports/store-runs.ts';
import type { SignalItem, SignalVerdict } from '../ports/store-signals.ts';
import type {
  AnswerItem,
  AnswerVerdict,
  EventItem,
  EventVerdict,
  ForkItem,
  ForkVerdict,
} from '../ports/store-steps.ts';
import type { Counters } from './counters.ts';
import { Gather } from './gather.ts';
import { announce, type World } from './world.ts';

/** Requests that may wait for the store in one runtime. */
const waitingMax = limits.batchItemsMax * 10;
const callsMax = 2;
/** Each fork copies the steps of a run; each event or decision may end a wait. */
const forksMax = 10;
const eventsMax = 500;
/** Characters of inputs in one call. */
const callCharsMax = 8 * limits.inputBytesMax;

/** What the node of this runtime, if there is one, hears of starts. */
export interface IntakeHost {
  /** These starts are on their way. */
  sent(items: readonly StartItem[]): void;
}

/** Requests of one runtime. */
export class Intake {
  readonly starts: Gather<StartItem, StartVerdict>;
  readonly cancels: Gather<CancelItem, CancelVerdict>;
  readonly retries: Gather<RetryItem, RetryVerdict>;
  readonly redrives: Gather<RedriveItem, RedriveVerdict>;
  readonly discards: Gather<DiscardItem, DiscardVerdict>;
  readonly forks: Gather<ForkItem, ForkVerdict>;
  readonly events: Gather<EventItem, EventVerdict>;
  readonly answers: Gather<AnswerItem, AnswerVerdict>;
  readonly signals: Gather<SignalItem, SignalVerdict>;
  readonly #world: World;
  readonly #counters: Counters;
  readonly #host: IntakeHost;

  constructor(world: World, counters: Counters, host: IntakeHost) {
    this.#world = world;
    this.#counters = counters;
    this.#host = host;
    const { store } = world;
    const bounds = {
      itemsMax: limits.batchItemsMax,
      weightMax: callCharsMax,
      waitingMax,
      callsMax,
    };
    const weigh = ({ input }: StartItem): number => input.length;
    const light = { ...bounds, weigh: () => 0 };
    this.starts = new Gather({ ...bounds, weigh, send: (items) => this.#start(items) });
    this.cancels = new Gather({ ...light, send: (items) => this.#heard(store.cancel(items)) });
    this.retries = new Gather({ ...light, send: (items) => this.#heard(store.retry(items)) });
    this.redrives = new Gather({ ...light, send: (items) => this.#heard(store.redrive(items)) });
    this.discards = new Gather({ ...light, send: (items) => this.#heard(store.discard(items)) });
    this.forks = new Gather({
      ...{ ...light, itemsMax: forksMax },
      send: (items) => this.#heard(store.fork(items)),
    });
    this.events = new Gather({
      ...{ ...bounds, itemsMax: eventsMax, weigh: ({ data }) => data.length },
      send: async (items) => {
        const verdicts = await this.#heard(store.emit(items));
        for (const verdict of verdicts) if (verdict.ok && verdict.created) counters.events += 1;
        return verdicts;
      },
    });
    this.answers = new Gather({
      ...{ ...bounds, itemsMax: eventsMax, weigh: ({ value }) => value.length },
      send: async (items) => {
        const verdicts = await this.#heard(store.answer(items));
        for (const { ok } of verdicts) if (ok) counters.decisions += 1;
        return verdicts;
      },
    });
    this.signals = new Gather({
      ...{ ...bounds, itemsMax: eventsMax, weigh: ({ data }) => data.length },
      send: async (items) => {
        const verdicts = await this.#heard(store.signal(items));
        for (const verdict of verdicts) if (verdict.ok && verdict.created) counters.signals += 1;
        return verdicts;
      },
    });
  }

  async #start(items: readonly StartItem[]): Promise<readonly StartVerdict[]> {
    const call = this.#world.store.start(items);
    this.#host.sent(items);
    const { reply, woken } = await call;
    announce(this.#world, woken);
    // A run that is due later wakes nobody, but others should know when.
    if (
      !woken.ready &&
      items.some(
        ({ dueAt, deadlineAt, flow }) =>
          dueAt !== null || deadlineAt !== null || flow !== undefined,
      )
    ) {
      this.#world.bus.publish('ready');
    }
    for (const verdict of reply) if (verdict.ok && verdict.created) this.#counters.started += 1;
    return reply;
  }

  async #heard<T>(call: Promise<Waking<T>>): Promise<T> {
    const { reply, woken } = await call;
    announce(this.#world, woken);
    return reply;
  }
}

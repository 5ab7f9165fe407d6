/**
 * Owns the runtime for tests of users: everything in memory, on time that is skipped instead of
 * waited for.
 *
 * T1 The same code runs as in production: the engine, the verbs of the store, the public class.
 *    Only the clock, the chance and the place of the rows are others.
 * T2 Nothing happens while the clock stands, except what promises do by themselves.
 * T3 Skipping is bounded: a run that never ends is an error that says why it does not move.
 */
import { memoryBus } from '../bus/memory/memory-bus.ts';
import { HoldfastError } from '../core/errors.ts';
import type { Outcome, OutcomeKind } from '../core/outcome.ts';
import type { AnyFunction, FunctionDefinition } from '../define-function.ts';
import { Holdfast } from '../holdfast.ts';
import { type Log, silentLog } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import type { Codec } from '../runtime/options.ts';
import type { RunHandle } from '../runtime/run-handle.ts';
import type { StartOptions } from '../runtime/start-item.ts';
import { openRuntime } from '../runtime.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { systemClock } from '../system/clock.ts';
import { processTable } from '../system/process-table.ts';
import { seededRandom } from './seeded-random.ts';
import { SimulatedClock, settle } from './simulated-clock.ts';

/** What a test runtime is made with. */
export interface TestRuntimeOptions {
  readonly functions: readonly AnyFunction[];
  /** Decides the jitter of retries and the ids of runs. Default 1. */
  readonly seed?: number;
  /** Give one to hand it to your handlers as well. Default: a new one. */
  readonly clock?: SimulatedClock;
  /** Executions at once. Default 16. */
  readonly slots?: number;
  /** Puts something around the store, such as `faultyStore`. */
  readonly wrap?: (store: Store) => Store;
  /**
   * Milliseconds of real time that executing handlers get before simulated time is skipped. Default
   * 0. Needed only by handlers that wait for something real, such as a file.
   */
  readonly realMs?: number;
  /** As for `Holdfast.open`. What `wrap` is given stands behind it. */
  readonly codec?: Codec;
  readonly log?: Log;
}

/** How far time may be skipped. */
export interface IdleOptions {
  /**
   * Simulated milliseconds after which it is an error that something still waits. Default a day.
   */
  readonly virtualMsMax?: number;
}

const dayMs = 86_400_000;
const unfinishedShown = 3;
/** Turns of the event loop that promises get before time is skipped. */
const turns = 2;

/**
 * Opens a runtime in memory on a simulated clock.
 *
 * @example
 * const runtime = await testRuntime({ functions: [charge] });
 * const run = await runtime.start(charge, { order: 7 });
 * await runtime.runToIdle(); // retries with their delays, in no time
 * await runtime.assertSucceeded(run); // => the result
 * await runtime.close();
 */
export async function testRuntime(options: TestRuntimeOptions): Promise<TestRuntime> {
  const clock = options.clock ?? new SimulatedClock();
  const { functions, slots = 16, wrap = (store: Store) => store, log = silentLog } = options;
  const { codec = {} } = options;
  const store = createMemoryStore({ clock });
  const world = {
    clock,
    random: seededRandom(options.seed ?? 1),
    store: wrap(store),
    bus: memoryBus({ defer: queueMicrotask }),
    processes: processTable(),
    log,
  };
  const runtime = await openRuntime({ store: 'memory:', functions, slots, codec, log }, world);
  return new TestRuntime(new Holdfast(runtime), clock, options.realMs ?? 0);
}

/** A runtime in memory whose time is moved by hand. */
export class TestRuntime implements AsyncDisposable {
  /** The runtime itself, with everything that it offers. */
  readonly holdfast: Holdfast;
  readonly clock: SimulatedClock;
  readonly #realMs: number;

  /** Use `testRuntime`. */
  constructor(holdfast: Holdfast, clock: SimulatedClock, realMs: number) {
    this.holdfast = holdfast;
    this.clock = clock;
    this.#realMs = realMs;
  }

  /** Accepts a run, as `Holdfast.start` does. Waiting with its handle skips time until the end. */
  async start<Input, Output>(
    fn: FunctionDefinition<string, Input, Output>,
    input: Input,
    options?: StartOptions,
  ): Promise<RunHandle<Output>> {
    const run = await this.holdfast.start(fn, input, options);
    return {
      id: run.id,
      created: run.created,
      how: run.how,
      result: (waiting) => this.#skipUntil(run.result(waiting), dayMs),
      outcome: (waiting) => this.#skipUntil(run.outcome(waiting), dayMs),
      cancel: (reason) => run.cancel(reason),
      get: () => run.get(),
    };
  }

  /** Moves time by `ms`; everything that is due on the way happens. */
  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /**
   * Skips from one due time to the next until every run has its outcome. Rejects with
   * `wait.timeout` when something still waits after `virtualMsMax`, and says why.
   */
  async runToIdle({ virtualMsMax = dayMs }: IdleOptions = {}): Promise<void> {
    await this.#skip(() => this.#idle(), virtualMsMax);
  }

  /** Starts a run, brings everything to rest, and gives its result. */
  async run<Input, Output>(
    fn: FunctionDefinition<string, Input, Output>,
    input: Input,
    options?: StartOptions,
  ): Promise<Output> {
    const run = await this.start(fn, input, options);
    await this.runToIdle();
    return run.result();
  }

  /** The run ended like this; throws with what it did instead. Gives the outcome. */
  async assertEnded(run: RunHandle | string, kind: OutcomeKind): Promise<Outcome> {
    const id = typeof run === 'string' ? run : run.id;
    const found = await this.holdfast.runs.get(id);
    if (found?.outcome?.kind === kind) return found.outcome;
    throw new Error(`run '${id}' should have ${kind}, but ${await this.#stateOf(id)}`);
  }

  /** The run succeeded; throws with what it did instead. Gives the result. */
  async assertSucceeded<Output>(run: RunHandle<Output>): Promise<Output> {
    await this.assertEnded(run, 'succeeded');
    return run.result();
  }

  /** Stops at once: handlers that still execute are signalled and handed back. */
  async close(): Promise<void> {
    const closed = this.holdfast.drain({ graceMs: 0 }).then(() => this.holdfast.close());
    await this.#skipUntil(closed, dayMs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Skips time until a promise is settled. */
  async #skipUntil<T>(promise: Promise<T>, virtualMsMax: number): Promise<T> {
    let settled = false;
    const note = (): void => {
      settled = true;
    };
    promise.then(note, note);
    await this.#skip(() => settled, virtualMsMax);
    return promise;
  }

  async #skip(there: () => boolean | Promise<boolean>, virtualMsMax: number): Promise<void> {
    const until = this.clock.mono() + virtualMsMax;
    for (;;) {
      await settle(turns);
      if (await there()) return;
      if (await this.#somethingRealHappens()) continue;
      if (!this.clock.fireNext(until)) throw await this.#unfinished(virtualMsMax);
    }
  }

  async #idle(): Promise<boolean> {
    const { queued, running, parked } = await this.holdfast.runs.counts();
    return queued + running + parked === 0 && this.holdfast.stats().running === 0;
  }

  /** Lets real time pass for as long as handlers execute and none of them gets anywhere. */
  async #somethingRealHappens(): Promise<boolean> {
    const real = systemClock();
    const until = real.mono() + this.#realMs;
    const before = this.#mark();
    while (this.holdfast.stats().running > 0 && real.mono() < until) {
      await settle();
      if (this.#mark() !== before) return true;
    }
    return false;
  }

  /** Changes with everything that executing handlers do. */
  #mark(): string {
    const { running, claimed, succeeded, failed, retried } = this.holdfast.stats();
    return [running, claimed, succeeded, failed, retried].join();
  }

  async #unfinished(virtualMsMax: number): Promise<HoldfastError> {
    const { runs } = await this.holdfast.runs.list({ limit: 1_000 });
    const open = runs.filter(({ outcome, status }) => outcome === null && status !== 'quarantined');
    const shown = open.slice(-unfinishedShown).map(({ id }) => this.#stateOf(id));
    const why = (await Promise.all(shown)).join('; ');
    const message = `${open.length} run(s) have not ended after ${virtualMsMax} ms: ${why}`;
    return new HoldfastError('wait.timeout', message);
  }

  async #stateOf(id: string): Promise<string> {
    const run = await this.holdfast.runs.get(id);
    if (run === null) return `no run '${id}' is known`;
    if (run.outcome !== null) {
      const { kind, error } = run.outcome;
      return `it has ${kind}${error === null ? '' : `: ${error.code}: ${error.message}`}`;
    }
    return (await this.holdfast.runs.explain(id)).sentence;
  }
}

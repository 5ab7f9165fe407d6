/**
 * Owns the public face of a runtime.
 *
 * R1 Every promise of it rejects with a HoldfastError, save for a handler's own values and abort
 *    reasons.
 * R2 When `start` resolves the run is accepted: it will reach an outcome, whatever crashes.
 */
import { checkNumber, checkOptions, invalid } from './core/check.ts';
import { HoldfastError } from './core/errors.ts';
import { limits } from './core/limits.ts';
import type { AnyFunction, FunctionDefinition } from './define-function.ts';
import { sweepAll } from './engine/world.ts';
import type { StartHow } from './ports/store-flow.ts';
import type { PauseView, Retention, StoreFinding } from './ports/store-reads.ts';
import type { StartItem, StartVerdict } from './ports/store-runs.ts';
import type { Calls, CallWords } from './runtime/calls/calls.ts';
import { Functions, Lanes, Nodes, Tenants } from './runtime/controls.ts';
import { DeadLetters } from './runtime/dead-letters.ts';
import { examine } from './runtime/doctor.ts';
import { Approvals, type EmitOptions, type Emitted, emitEvent } from './runtime/events.ts';
import { Keys } from './runtime/keys.ts';
import { RuntimeMetrics } from './runtime/metrics/runtime-metrics.ts';
import { type OpenOptions, retained } from './runtime/options.ts';
import type { StartWithin } from './runtime/postgres-parts.ts';
import type { Startable } from './runtime/registry.ts';
import { type FunctionPool, poolsOf } from './runtime/resources.ts';
import { Handle, type RunHandle } from './runtime/run-handle.ts';
import { Runs } from './runtime/runs.ts';
import { type StartOptions, startItem } from './runtime/start-item.ts';
import { beginStart, endThrown } from './runtime/start-span.ts';
import { type RuntimeStats, statsOf } from './runtime/stats.ts';
import { openRuntime, type Runtime } from './runtime.ts';
import type { CallerTransaction } from './store/postgres/caller-transaction.ts';

/** One run of `startMany`. */
export interface StartManyItem<Input> extends Omit<StartOptions, 'tx'> {
  readonly input: Input;
}

/** What all runs of a `startMany` have in common. */
export interface StartManyOptions {
  /** As for `start`: the runs are there if this transaction commits. */
  readonly tx?: CallerTransaction;
}

/** What became of one run of `startMany`. */
export type Started<Output> =
  | { readonly ok: true; readonly run: RunHandle<Output> }
  | { readonly ok: false; readonly error: HoldfastError };

const pruneRowsMax = 1_000;

/**
 * A runtime on a store: starts runs, looks at them, and executes the functions that it hosts.
 *
 * @example
 * const greet = defineFunction({ name: 'greet', run: (name: string) => `hello, ${name}` });
 * await using hf = await Holdfast.open({ store: 'memory:', functions: [greet] });
 * const run = await hf.start(greet, 'Ada');
 * await run.result(); // => 'hello, Ada'
 */
export class Holdfast implements AsyncDisposable {
  /** Runs that exist: look, wait, cancel, retry, explain. */
  readonly runs: Runs;
  readonly functions: Functions;
  readonly lanes: Lanes;
  readonly tenants: Tenants;
  readonly nodes: Nodes;
  /** Decisions that runs wait for. */
  readonly approvals: Approvals;
  /** Runs that ended badly and that nobody has dealt with. */
  readonly deadLetters: DeadLetters;
  /** Access keys, for the HTTP API. */
  readonly keys: Keys;
  /** Calls: who can be called, what is under way. */
  readonly calls: Calls;
  readonly #runtime: Runtime;
  readonly #metrics: RuntimeMetrics;
  #closing: Promise<void> | null = null;

  /** For `open` and the testing kit. */
  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    const { lifeline, registry } = runtime;
    this.runs = new Runs(lifeline, registry);
    this.functions = new Functions(lifeline, registry);
    this.lanes = new Lanes(lifeline);
    this.tenants = new Tenants(lifeline);
    this.nodes = new Nodes(lifeline);
    this.approvals = new Approvals(lifeline);
    this.deadLetters = new DeadLetters(lifeline, this.runs);
    this.keys = new Keys(lifeline);
    this.calls = runtime.calls;
    const { engine } = lifeline;
    this.#metrics = new RuntimeMetrics({
      engine,
      stats: () => this.stats(),
      pools: () => this.pools(),
      calls: this.calls,
    });
  }

  /**
   * Opens a runtime and, if it hosts functions, goes to work. Rejects with `request.invalid`,
   * `function.duplicate`, `function.conflict` and `store.*`; nothing stays open then.
   */
  static async open(options: OpenOptions): Promise<Holdfast> {
    return new Holdfast(await openRuntime(options));
  }

  /**
   * Accepts a run. Resolves when it is committed. Rejects with `function.unknown`, `input.invalid`,
   * `payload.*`, `key.invalid`, `request.invalid`, `run.conflict`, `tenant.full`, `rate.limited`,
   * `lane.busy`, `store.*`. Where the function's terms of flow control make the start a run that is
   * there already, the handle is that run's: `created` is false, and `how` says why.
   *
   * A function that is given by name must be known here or hosted by a node; without its definition
   * there is no schema to check by, and its policy, lane and tenant are those that its nodes told.
   * A lane, tenant or key of flow control that is computed from the input must be given then
   * (`request.invalid`).
   *
   * With `tx` it resolves when the run stands in that transaction of yours: it is accepted if and
   * when you commit, and was never there if you do not. See `StartOptions.tx`.
   */
  start<Input, Output>(
    fn: FunctionDefinition<string, Input, Output>,
    input: Input,
    options?: StartOptions,
  ): Promise<RunHandle<Output>>;
  start(fn: string, input: unknown, options?: StartOptions): Promise<RunHandle>;
  async start(
    fn: AnyFunction | string,
    input: unknown,
    options: StartOptions = {},
  ): Promise<RunHandle> {
    const found = this.#runtime.registry.find(fn) ?? (await this.#look(fn));
    const { engine } = this.#runtime.lifeline.ensureOpen();
    const span = beginStart(engine.world, found.name, options);
    const traced = span === null ? options : { ...options, traceparent: span.trace };
    try {
      const made = this.#itemOf(found, input, traced);
      const item = made instanceof Promise ? await made : made;
      span?.set('holdfast.run.id', item.id);
      const run =
        options.tx === undefined
          ? this.#started(await engine.intake.starts.add(item), item)
          : await this.#startWithin(options.tx, item);
      span?.end(null);
      return run;
    } catch (error) {
      endThrown(span, error);
      throw error;
    }
  }

  /**
   * Calls a function that is hosted here, and gives its result. A call is a run without a store: it
   * costs microseconds, is tried once, and ends with its process. Rejects with what the handler
   * throws, with `call.timed_out` and `call.cancelled`, and, if it was not let in, with
   * `function.unknown`, `input.invalid`, `call.full`, `call.duplicate`, `tenant.full`,
   * `rate.limited`, `call.quarantined`, `call.refused`, `node.draining`.
   *
   * @example
   * await hf.call(greet, 'Ada', { timeoutMs: 500, lane: 'ada' }); // => 'hello, Ada'
   */
  call<Input, Output>(
    fn: FunctionDefinition<string, Input, Output>,
    input: Input,
    words?: CallWords,
  ): Promise<Output>;
  call(fn: string, input: unknown, words?: CallWords): Promise<unknown>;
  call(fn: AnyFunction | string, input: unknown, words?: CallWords): Promise<unknown> {
    return this.calls.call(fn, input, words);
  }

  /**
   * Accepts many runs in few transactions, at most 10,000 in one call. Each gets its own verdict,
   * in the same order; one that is refused changes nothing of the others.
   */
  startMany<Input, Output>(
    fn: FunctionDefinition<string, Input, Output>,
    items: readonly StartManyItem<Input>[],
    options?: StartManyOptions,
  ): Promise<readonly Started<Output>[]>;
  startMany(
    fn: string,
    items: readonly StartManyItem<unknown>[],
    options?: StartManyOptions,
  ): Promise<readonly Started<unknown>[]>;
  async startMany(
    fn: AnyFunction | string,
    items: readonly StartManyItem<unknown>[],
    options: StartManyOptions = {},
  ): Promise<readonly Started<unknown>[]> {
    checkMany(items);
    checkOptions('startMany', options, ['tx']);
    const { tx } = options;
    const { engine } = this.#runtime.lifeline.ensureOpen();
    const found = this.#runtime.registry.find(fn) ?? (await this.#look(fn));
    const count = { 'holdfast.runs': items.length };
    const span = beginStart(engine.world, found.name, {}, count);
    const common = span === null ? {} : { traceparent: span.trace };
    const made = await Promise.all(
      items.map(async ({ input, ...options }) => {
        try {
          return await this.#itemOf(found, input, { ...common, ...options });
        } catch (error) {
          return errorOf(error);
        }
      }),
    );
    const good = made.filter((item): item is StartItem => !(item instanceof HoldfastError));
    const sent = tx === undefined ? engine.intake.starts.addAll(good) : this.#within()(tx, good);
    const verdicts = await sent.catch((error: unknown) => {
      endThrown(span, error);
      throw error;
    });
    span?.end(null);
    let next = 0;
    return made.map((item): Started<unknown> => {
      if (item instanceof HoldfastError) return { ok: false, error: item };
      const verdict = verdicts[next];
      next += 1;
      if (verdict?.ok) {
        const uncommitted = tx !== undefined && verdict.created;
        return { ok: true, run: this.#handle(verdict, uncommitted) };
      }
      return { ok: false, error: refusal(verdict, item) };
    });
  }

  /**
   * Says that something has happened, to every run of the tenant that waits for it
   * (`ctx.waitFor`), now or later: events are kept for a while. Under an `id` it is told once,
   * however often it is sent. Rejects with `event.conflict`, `key.invalid`, `payload.*`, `store.*`.
   *
   * @example
   * await hf.emit('paid', { order: 7 }, { id: 'payment-4711' });
   */
  emit(name: string, data: unknown, options: EmitOptions = {}): Promise<Emitted> {
    return emitEvent(this.#runtime.lifeline, name, data, options);
  }

  /**
   * Accepts what was started in transactions that are committed by now, and tells the nodes. Call
   * it after your commit: without it a node finds the runs at its next poll, `pollMs` later at the
   * most. Returns at once; if it cannot reach the store, that node finds them all the same.
   */
  wake(): void {
    const { world } = this.#runtime.lifeline.ensureOpen().engine;
    world.bus.publish('ready');
    void sweepAll(world);
  }

  /** Everything that is paused. */
  async pauses(): Promise<readonly PauseView[]> {
    return this.#runtime.lifeline.ensureOpen().engine.world.store.pauses();
  }

  /**
   * Deletes finished runs and events past their retention, now and all of them. `retention`
   * overrules the runtime's for this once, such as `{ succeeded: 0 }`.
   */
  async prune(
    options: { readonly retention?: NonNullable<OpenOptions['retention']> } = {},
  ): Promise<{ readonly pruned: number }> {
    checkOptions('prune', options, ['retention']);
    const given = options.retention ?? {};
    checkOptions('retention', given, retained);
    for (const [kind, ms] of Object.entries(given)) {
      if (ms !== null) checkNumber(`retention.${kind}`, ms, 0, limits.delayMsMax);
    }
    const retention: Retention = { ...this.#runtime.settings.retention, ...given };
    let pruned = 0;
    for (;;) {
      const { store } = this.#runtime.lifeline.ensureOpen().engine.world;
      const step = await store.prune(retention, pruneRowsMax);
      pruned += step.pruned;
      if (!step.more) return { pruned };
    }
  }

  /** Examines the store, the process table, the nodes and the limits. */
  async doctor(): Promise<readonly StoreFinding[]> {
    return examine(this.#runtime.lifeline.ensureOpen().engine.world);
  }

  /** What this runtime has counted so far. Costs nothing. */
  stats(): RuntimeStats {
    const { settings, lifeline, health } = this.#runtime;
    return statsOf(lifeline.engine, settings.slots, health());
  }

  /** The VMs and threads behind the functions of this runtime, right now. Costs nothing. */
  pools(): readonly FunctionPool[] {
    return poolsOf(this.#runtime.registry.list(), this.calls.targets());
  }

  /**
   * The metrics of this runtime in the text format of Prometheus, for whoever serves them himself;
   * a server of `holdfast/http` does, at `/metrics`. With `store` (the default) the store is looked
   * at for how many runs it holds, every 10 s at most; if it cannot be, that part is left out.
   *
   * @example
   * const text = await hf.metrics();
   * // => # HELP holdfast_runs_started_total Runs accepted through this process ...
   */
  async metrics(options: { readonly store?: boolean } = {}): Promise<string> {
    checkOptions('metrics', options, ['store']);
    const { store = true } = options;
    if (typeof store !== 'boolean') throw invalid('store', store, 'it must be a boolean');
    return this.#metrics.text(store);
  }

  /**
   * Claims no more and lets no call in, lets running handlers end within `graceMs` (default:
   * `drainGraceMs`), then signals them and hands back what is left. The runtime stays open for
   * everything else.
   */
  async drain(options: { readonly graceMs?: number } = {}): Promise<void> {
    checkOptions('drain', options, ['graceMs']);
    const { settings, lifeline } = this.#runtime;
    const { graceMs = settings.drainGraceMs } = options;
    checkNumber('graceMs', graceMs, 0, limits.delayMsMax);
    const { node } = lifeline.ensureOpen().engine;
    await Promise.all([node?.drain(graceMs), this.#runtime.calls.drain(graceMs)]);
  }

  /**
   * Drains with `drainGraceMs`, leaves, and closes the store. Calling it again waits for the same
   * end.
   */
  close(): Promise<void> {
    this.#closing ??= this.#runtime.close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A name without a definition: whether anybody hosts it, only the store can tell. */
  async #look(name: AnyFunction | string): Promise<Startable> {
    const { registry, lifeline } = this.#runtime;
    return registry.look(lifeline.ensureOpen().engine.world, String(name));
  }

  #itemOf(found: Startable, input: unknown, options: StartOptions): StartItem | Promise<StartItem> {
    const { lifeline, settings } = this.#runtime;
    const { world } = lifeline.ensureOpen().engine;
    return startItem(world, settings.inputBytesMax, found, input, options);
  }

  #started(verdict: StartVerdict, item: StartItem): RunHandle {
    if (verdict.ok) return this.#handle(verdict);
    throw refusal(verdict, item);
  }

  async #startWithin(tx: CallerTransaction, item: StartItem): Promise<RunHandle> {
    const [verdict] = await this.#within()(tx, [item]);
    if (verdict?.ok) return this.#handle(verdict, verdict.created);
    throw refusal(verdict, item);
  }

  #within(): StartWithin {
    const { startWithin } = this.#runtime;
    if (startWithin !== null) return startWithin;
    const message = 'tx: starting within a transaction of yours takes a store in PostgreSQL';
    throw new HoldfastError('request.invalid', message, { details: { name: 'tx' } });
  }

  #handle(verdict: Extract<StartVerdict, { ok: true }>, uncommitted = false): RunHandle {
    const { id, created } = verdict;
    const how: StartHow = created ? 'created' : (verdict.how ?? 'same-id');
    return new Handle<unknown>(this.#runtime.lifeline, this.runs, id, created, uncommitted, how);
  }
}

/** The error of a start that the store refused. */
function refusal(verdict: StartVerdict | undefined, { id, fn }: StartItem): HoldfastError {
  if (verdict === undefined || verdict.ok) {
    return new HoldfastError('internal.defect', 'a start was not answered');
  }
  const more = verdict.code === 'rate.limited' ? { retryAfterMs: verdict.retryAfterMs } : {};
  return new HoldfastError(verdict.code, verdict.message, { details: { id, fn, ...more } });
}

function errorOf(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new HoldfastError('internal.defect', message, { cause: error });
}

function checkMany(items: readonly StartManyItem<unknown>[]): void {
  if (!Array.isArray(items)) throw invalid('items', items, 'it must be an array');
  const { batchItemsMax } = limits;
  if (items.length > batchItemsMax) {
    throw invalid('items', items, `${items.length} were given and ${batchItemsMax} are allowed`);
  }
  for (const item of items) {
    if (typeof item !== 'object' || item === null || !('input' in item)) {
      throw invalid('an item', item, 'it must be an object with an input');
    }
    if ('tx' in item) {
      throw invalid('the tx of an item', item.tx, 'one transaction holds all: { tx } comes last');
    }
  }
}

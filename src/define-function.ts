/**
 * Owns what a function is to whoever defines it, and what the runtime makes of the definition.
 *
 * F1 A definition is checked when it is made: a bad option is the author's mistake and shows at
 *    once.
 * F2 Types flow from the schema: callers give its input, the handler and the option functions get
 *    its output. Without a schema both are what the handler says it takes.
 * F3 The digest covers everything but code: two nodes that disagree on it do not work side by side.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type CallOptions, checkCallOptions } from './core/call/terms.ts';
import {
  checkKey,
  checkNumber,
  checkOptions,
  checkTags,
  checkWhole,
  checkWord,
  invalid,
} from './core/check.ts';
import { type Digestible, digestOf } from './core/digest.ts';
import { limits } from './core/limits.ts';
import { policyUnset } from './core/policy-unset.ts';
import { type RetryPolicy, retryDefault, retryOf } from './core/retry.ts';
import type { BatchCode } from './engine/batch-words.ts';
import type { RunContext } from './engine/run-context.ts';
import { checkFlow, type FlowTerms } from './flow-terms.ts';
import { resourceOf } from './ports/sandbox.ts';
import type { RunPolicy } from './ports/store-runs.ts';

/** A lane: its key, or the key with how many may execute in it at once. */
export type LaneChoice = string | null | { readonly key: string; readonly width: number };

/** What every definition may say, whatever its input. */
export interface FunctionTerms<Input> {
  /** At most 200 printable characters, such as `image.resize`. */
  readonly name: string;
  /**
   * Names the code, at most 100 printable characters. Give changed code a new one: what a run has
   * kept is gone on with by the version that kept it. Default `1`.
   */
  readonly version?: string;
  /** The key that serialises runs: the same for all, or computed from the input. Default: none. */
  readonly lane?: string | ((input: Input) => LaneChoice);
  /** How many runs of the lane execute at once, 1 to 1,000. Default 1. */
  readonly laneWidth?: number;
  /** For whom it runs. Default `default`. */
  readonly tenant?: string | ((input: Input) => string);
  /** Head start in seconds, -3,600 to 3,600. Default 0. */
  readonly priority?: number | ((input: Input) => number);
  /** At most 16 words by which runs are found again. */
  readonly tags?: readonly string[] | ((input: Input) => readonly string[]);
  /**
   * How failures are retried; `false`: not at all. Default: 3 attempts, 1 s and 2 s apart, with
   * jitter.
   */
  readonly retry?: Partial<RetryPolicy> | false;
  /** `lose`: a run whose owner dies is not tried again, its outcome is `lost`. Default `retry`. */
  readonly onCrash?: 'retry' | 'lose';
  /** Crashes of its owners after which a run is set aside (quarantined). Default 3. */
  readonly crashesMax?: number;
  /**
   * `attemptMs`: longest one attempt may take. `totalMs`: longest from acceptance to the outcome.
   * `graceMs`: time between the signal to stop and the forced end, default 5,000.
   */
  readonly timeouts?: {
    readonly attemptMs?: number;
    readonly totalMs?: number;
    readonly graceMs?: number;
  };
  /**
   * The signals that its runs take (`hf.runs.signal`, `ctx.waitForSignal`): by name, with a schema
   * for their data, or null for any data. At most 100. Default: none.
   */
  readonly signals?: Readonly<Record<string, StandardSchemaV1 | null>>;
  /** How many execute at once on one node. For a bound over all nodes use a lane with a width. */
  readonly concurrency?: number;
  /** Debounce, throttle, rate limit, uniqueness, and what becomes of others in the lane. */
  readonly flow?: FlowTerms<Input>;
  /** What holds for its calls only (`hf.call`); no part of what nodes compare. */
  readonly call?: CallOptions;
}

/** The options of `defineFunction` without a schema. */
export interface FunctionOptions<Input, Output> extends FunctionTerms<Input> {
  readonly input?: undefined;
  readonly run: (input: Input, ctx: RunContext) => Output | Promise<Output>;
}

/** The options of `defineFunction` with a schema. */
export interface SchemaFunctionOptions<Schema extends StandardSchemaV1, Output>
  extends FunctionTerms<StandardSchemaV1.InferOutput<Schema>> {
  /** Any Standard Schema: zod, valibot, arktype and others. */
  readonly input: Schema;
  readonly run: (
    input: StandardSchemaV1.InferOutput<Schema>,
    ctx: RunContext,
  ) => Output | Promise<Output>;
}

const brand: unique symbol = Symbol.for('holdfast.function');

/** A function that can be started and hosted. Made by `defineFunction`. */
export interface FunctionDefinition<Name extends string = string, Input = never, Output = unknown> {
  readonly name: Name;
  readonly version: string;
  readonly [brand]: FunctionParts;
  /** Types only: what callers give, and what the handler gives back. */
  readonly types?: { readonly input: (input: Input) => void; readonly output: Output };
}

/** What is kept of a definition, without its types. */
export interface FunctionParts {
  readonly digest: string;
  readonly schema: StandardSchemaV1 | null;
  /** Null: whoever told of it did not say. */
  readonly signals: ReadonlyMap<string, StandardSchemaV1 | null> | null;
  readonly terms: FunctionTerms<unknown>;
  readonly laneWidth: number;
  readonly policy: RunPolicy;
  readonly totalMs: number | null;
  readonly run: (input: unknown, ctx: RunContext) => unknown;
  /** The code of a function that takes many runs at once, or null. */
  readonly batch: BatchCode | null;
}

/** Any definition, whatever its types. */
export type AnyFunction = FunctionDefinition<string, never, unknown>;

/** An hour: whoever drains has to wait for it. */
const graceMsMax = 3_600_000;

/** The policy of runs whose definition is not at hand. */
export const policyDefault: RunPolicy = policyUnset;

/**
 * Defines a function: a named handler with its options. Nothing happens until a runtime hosts or
 * starts it. Throws `key.invalid` or `request.invalid` for options that break a rule.
 *
 * @example
 * const greet = defineFunction({
 *   name: 'greet',
 *   retry: { attemptsMax: 5 },
 *   run: async (input: { name: string }, ctx) => `hello, ${input.name}, try ${ctx.attempt}`,
 * });
 * greet.name; // => 'greet'
 */
export function defineFunction<const Name extends string, Schema extends StandardSchemaV1, Output>(
  options: SchemaFunctionOptions<Schema, Output> & { readonly name: Name },
): FunctionDefinition<Name, StandardSchemaV1.InferInput<Schema>, Awaited<Output>>;
export function defineFunction<const Name extends string, Input, Output>(
  options: FunctionOptions<Input, Output> & { readonly name: Name },
): FunctionDefinition<Name, Input, Awaited<Output>>;
export function defineFunction(options: AnyOptions): AnyFunction {
  return define(options, null);
}

type AnyOptions = FunctionTerms<never> & {
  readonly input?: StandardSchemaV1 | undefined;
  readonly run: (input: never, ctx: RunContext) => unknown;
};

/** Makes a definition; `batch`: of a function that takes many runs at once. */
export function define(options: AnyOptions, batch: BatchCode | null): AnyFunction {
  checkOptions('defineFunction', options, optionNames);
  const name = checkKey('the function name', options.name, limits.keyCharsMax);
  const version = checkKey(`version of '${name}'`, options.version ?? '1', limits.tagCharsMax);
  if (typeof options.run !== 'function') {
    throw invalid(`run of '${name}'`, options.run, 'it must be a function');
  }
  const schema = options.input ?? null;
  if (schema !== null && typeof schema['~standard']?.validate !== 'function') {
    throw invalid(`input of '${name}'`, schema, 'it must be a Standard Schema (zod, valibot, ...)');
  }
  checkTerms(name, options);
  const { attemptMs, totalMs, graceMs } = options.timeouts ?? {};
  const policy: RunPolicy = {
    retry: retryOf(`of '${name}'`, options.retry, retryDefault),
    onCrash: options.onCrash ?? 'retry',
    crashesMax: options.crashesMax ?? policyUnset.crashesMax,
    attemptTimeoutMs: attemptMs ?? null,
    graceMs: graceMs ?? policyUnset.graceMs,
  };
  // The functions among them are called with what the schema, or the caller, gave.
  const terms = options as unknown as FunctionTerms<unknown>;
  const laneWidth = options.laneWidth ?? 1;
  const run = options.run as FunctionParts['run'];
  const signals = signalsOf(name, options.signals ?? {});
  if (signals.size > 0) checkWaits(name, options.signals, batch, options.run);
  const fixed = { policy, laneWidth, totalMs: totalMs ?? null, schema, signals, batch };
  const digest = digestOf(digestible(terms, fixed));
  return { name, version, [brand]: { digest, terms, run, ...fixed } };
}

const optionNames = [
  ...['name', 'version', 'input', 'lane', 'laneWidth', 'tenant', 'priority', 'tags', 'retry'],
  ...['onCrash', 'crashesMax', 'timeouts', 'concurrency', 'signals', 'flow', 'call', 'run'],
];

/** What `defineFunction` made, or null for any other value. */
export function partsOf(value: unknown): FunctionParts | null {
  if (typeof value !== 'object' || value === null || !(brand in value)) return null;
  return value[brand] as FunctionParts;
}

/** Whether a value was made by `defineFunction`. */
export const isFunctionDefinition = (value: unknown): value is AnyFunction =>
  partsOf(value) !== null;

function checkTerms(name: string, terms: FunctionTerms<never>): void {
  const of = (option: string): string => `${option} of '${name}'`;
  const { lane, tenant, priority, tags, timeouts } = terms;
  if (typeof lane === 'string') checkKey(of('lane'), lane, limits.keyCharsMax);
  else checkFunction(of('lane'), lane);
  if (typeof tenant === 'string') checkKey(of('tenant'), tenant, limits.keyCharsMax);
  else checkFunction(of('tenant'), tenant);
  const { prioritySecondsMax, laneWidthMax } = limits;
  if (typeof priority === 'number') {
    checkNumber(of('priority'), priority, -prioritySecondsMax, prioritySecondsMax);
  } else checkFunction(of('priority'), priority);
  if (Array.isArray(tags)) checkTags(tags);
  else checkFunction(of('tags'), tags);
  const whole = (option: string, value: unknown, max: number): void => {
    if (value !== undefined) checkWhole(of(option), value, 1, max);
  };
  whole('laneWidth', terms.laneWidth, laneWidthMax);
  whole('crashesMax', terms.crashesMax, limits.attemptsMax);
  whole('concurrency', terms.concurrency, limits.claimRunsMax);
  if (terms.flow !== undefined) checkFlow(name, terms.flow, lane !== undefined);
  if (terms.onCrash !== undefined) checkWord(of('onCrash'), terms.onCrash, ['retry', 'lose']);
  checkCallOptions(of('call'), terms.call);
  if (timeouts === undefined) return;
  checkOptions(of('timeouts'), timeouts, ['attemptMs', 'totalMs', 'graceMs']);
  whole('timeouts.attemptMs', timeouts.attemptMs, limits.delayMsMax);
  whole('timeouts.totalMs', timeouts.totalMs, limits.delayMsMax);
  if (timeouts.graceMs !== undefined) {
    checkWhole(of('timeouts.graceMs'), timeouts.graceMs, 0, graceMsMax);
  }
}

function signalsOf(
  name: string,
  given: NonNullable<FunctionTerms<never>['signals']>,
): ReadonlyMap<string, StandardSchemaV1 | null> {
  const what = `signals of '${name}'`;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(what, given, 'it must be an object: names with schemas, or null for any data');
  }
  const signals = new Map(Object.entries(given));
  if (signals.size > limits.signalNamesMax) {
    const rule = `${signals.size} were given and ${limits.signalNamesMax} are allowed`;
    throw invalid(what, given, rule);
  }
  for (const [signal, schema] of signals) {
    checkKey(`a name among ${what}`, signal, limits.keyCharsMax);
    if (schema === null || typeof schema?.['~standard']?.validate === 'function') continue;
    throw invalid(`'${signal}' of ${what}`, schema, 'it must be a Standard Schema, or null');
  }
  return signals;
}

/** To take a signal is to wait for it, which not all code can. */
function checkWaits(name: string, signals: unknown, batch: BatchCode | null, run: unknown): void {
  const why =
    batch !== null
      ? 'code that takes many runs at once waits for nothing'
      : resourceOf(run) === null
        ? null
        : 'code in a VM or thread of its own cannot wait for them';
  if (why === null) return;
  const todo = 'declare them for a function that starts this one (ctx.start)';
  throw invalid(`signals of '${name}'`, signals, `${why}; ${todo}`);
}

function checkFunction(what: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return;
  throw invalid(what, value, 'it must be a value of its kind or a function of the input');
}

/** F3: of computed options only that they are computed can be compared. */
function digestible(
  terms: FunctionTerms<unknown>,
  fixed: Omit<FunctionParts, 'digest' | 'terms' | 'run'>,
): Digestible {
  const kind = (value: unknown): Digestible => {
    if (typeof value === 'function') return 'computed';
    return value === undefined ? null : (value as Digestible);
  };
  const { policy, laneWidth, totalMs, schema, batch } = fixed;
  const { lane, tenant, priority, tags, concurrency, flow } = terms;
  const signals = [...(fixed.signals ?? [])].map(([name, one]) => [
    name,
    one === null ? null : one['~standard'].vendor,
  ]);
  return {
    lane: kind(lane),
    laneWidth,
    tenant: kind(tenant),
    priority: kind(priority),
    tags: kind(tags),
    concurrency: concurrency ?? null,
    totalMs,
    schema: schema === null ? null : schema['~standard'].vendor,
    policy: { ...policy, retry: { ...policy.retry } },
    // A definition without signals has the digest that it had before there were any.
    ...(signals.length > 0 && { signals }),
    // Left out where there is none: definitions without it have the digest that they had.
    ...(flow === undefined ? {} : { flow: digestibleFlow(flow, kind) }),
    ...(batch === null ? {} : { batch: { max: batch.max, waitMs: batch.waitMs } }),
  };
}

const digestibleFlow = (flow: FlowTerms<unknown>, kind: (value: unknown) => Digestible) =>
  Object.fromEntries(
    Object.entries(flow).map(([name, term]): [string, Digestible] => {
      if (typeof term !== 'object') return [name, kind(term)];
      return [name, Object.fromEntries(Object.entries(term).map(([of, one]) => [of, kind(one)]))];
    }),
  );

/**
 * Owns functions that take many runs at once: their definition.
 *
 * B1 Everything but the code is as for any function: lanes, tenants, retries, timeouts and flow
 *    control are those of each run, and of each call. Signals are not taken: nothing waits for one.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { checkOptions, checkWhole, invalid } from './core/check.ts';
import { HoldfastError } from './core/errors.ts';
import { limits } from './core/limits.ts';
import {
  type AnyFunction,
  define,
  type FunctionDefinition,
  type FunctionTerms,
} from './define-function.ts';
import type { BatchCode, BatchContext, BatchItem, BatchVerdict } from './engine/batch-words.ts';

/** How many runs, and how long the first of them waits for the others. */
export interface BatchTerms {
  /** 1 to 1,000. `concurrency`, if it is given, and the slots of a node must admit as many. */
  readonly max: number;
  /** 0 to 60,000. */
  readonly waitMs: number;
}

/** Of code that gives nothing. */
type Nothing = ReturnType<() => void>;

/** Nothing, when each item was given its verdict; or a verdict for each. */
type Returned<Output> = Nothing | readonly BatchVerdict<Output>[];

/** The options of `defineBatchFunction` without a schema. */
export interface BatchFunctionOptions<Input, Output> extends Omit<FunctionTerms<Input>, 'signals'> {
  readonly input?: undefined;
  readonly batch: BatchTerms;
  readonly run: (
    items: readonly BatchItem<Input, Output>[],
    ctx: BatchContext,
  ) => Returned<Output> | Promise<Returned<Output>>;
}

/** The options of `defineBatchFunction` with a schema. */
export interface SchemaBatchFunctionOptions<Schema extends StandardSchemaV1, Output>
  extends Omit<FunctionTerms<StandardSchemaV1.InferOutput<Schema>>, 'signals'> {
  /** Any Standard Schema. */
  readonly input: Schema;
  readonly batch: BatchTerms;
  readonly run: (
    items: readonly BatchItem<StandardSchemaV1.InferOutput<Schema>, Output>[],
    ctx: BatchContext,
  ) => Returned<Output> | Promise<Returned<Output>>;
}

/**
 * Defines a function whose code takes many runs at once. Each item is a run of its own, with its
 * own attempts, retries and outcome; a node gathers the runs that it has claimed, up to `max` of
 * them or for `waitMs`. The code gives each item its verdict, or returns a list of them. Throws
 * `key.invalid` or `request.invalid` for options that break a rule.
 *
 * @example
 * const index = defineBatchFunction({
 *   name: 'index',
 *   batch: { max: 100, waitMs: 50 },
 *   run: async (items: readonly BatchItem<{ id: number }, string>[]) => {
 *     for (const item of items) item.succeed(`indexed ${item.input.id}`);
 *   },
 * });
 */
export function defineBatchFunction<
  const Name extends string,
  Schema extends StandardSchemaV1,
  Output = unknown,
>(
  options: SchemaBatchFunctionOptions<Schema, Output> & { readonly name: Name },
): FunctionDefinition<Name, StandardSchemaV1.InferInput<Schema>, Output>;
export function defineBatchFunction<const Name extends string, Input, Output = unknown>(
  options: BatchFunctionOptions<Input, Output> & { readonly name: Name },
): FunctionDefinition<Name, Input, Output>;
export function defineBatchFunction(
  options: FunctionTerms<never> & {
    readonly input?: StandardSchemaV1 | undefined;
    readonly batch: BatchTerms;
    readonly run: (items: readonly BatchItem<never, never>[], ctx: BatchContext) => unknown;
  },
): AnyFunction {
  const { batch, run, ...terms } = options;
  const what = `batch of '${String(options.name)}'`;
  checkOptions(what, batch, ['max', 'waitMs']);
  const max = checkWhole(`${what}: max`, batch.max, 1, limits.batchFunctionItemsMax);
  const waitMs = checkWhole(`${what}: waitMs`, batch.waitMs, 0, limits.batchWaitMsMax);
  const { concurrency } = options;
  if (typeof run !== 'function') throw invalid(`run of ${what}`, run, 'it must be a function');
  if (typeof concurrency === 'number' && concurrency < max) {
    const rule = `a batch of ${max} needs as many; raise it, or lower batch.max`;
    throw invalid(`concurrency of '${String(options.name)}'`, concurrency, rule);
  }
  const code: BatchCode = { max, waitMs, run: run as BatchCode['run'] };
  return define({ ...terms, run: alone }, code);
}

/** The engine executes the code of the batch instead. */
const alone = (): never => {
  throw new HoldfastError('internal.defect', 'the code of a batch was called for one run');
};

/**
 * Owns the words about children: what a handler says of the runs that it starts, and what it is
 * given of them.
 */
import type { Outcome } from '../../core/outcome.ts';
import type { ChildClose } from '../../ports/store-family.ts';

/** A function that children are runs of: what `defineFunction` gave. */
export interface ChildFunction<Input, Output> {
  readonly name: string;
  /** Types only: what its callers give, and what its handler gives back. */
  readonly types?: { readonly input: (input: Input) => void; readonly output: Output };
}

/** How children are started. What is left out is as their definition says. */
export interface ChildOptions {
  /** How they are called among the steps of their parent. Default: the name of the function. */
  readonly name?: string;
  /**
   * What becomes of a child that is unfinished when its parent ends: `cancel` (the default) asks it
   * to stop, `terminate` does without its grace, `abandon` leaves it alone.
   */
  readonly close?: ChildClose;
  readonly lane?: string | null | { readonly key: string; readonly width: number };
  /** Head start in seconds. */
  readonly priority?: number;
  readonly tags?: readonly string[];
  /** Not before so many ms from now. */
  readonly delayMs?: number;
  /** Not before this time (Date, or ms since the epoch). */
  readonly dueAt?: Date | number;
  /**
   * It is a run of its own, whatever `debounce` and `unique` of its function say. Without it such a
   * function is refused: `child.joins`.
   */
  readonly alone?: boolean;
  /** It must be done within so many ms from now, and in any case by the deadline of its parent. */
  readonly deadlineMs?: number;
}

/** A child that was started. */
export interface Child<Output = unknown> {
  readonly id: string;
  /**
   * Waits for what it gives, without a slot. Rejects with `ChildError` (`child.failed`) if it ends
   * otherwise than by success.
   */
  result(): Promise<Output>;
  /** Waits for its end, whatever it is. */
  outcome(): Promise<Outcome>;
}

/** How one of many children ended. */
export interface ChildOutcome<Output = unknown> {
  /** The place of its input among the inputs, from 0. */
  readonly index: number;
  readonly id: string;
  readonly outcome: Outcome;
  /** What it gave; null unless it succeeded. */
  readonly value: Output | null;
}

/** Children that were started together, and have all ended. */
export interface Children<Output = unknown> {
  readonly count: number;
  readonly succeeded: number;
  /** Those that ended in any other way. */
  readonly failed: number;
  /**
   * How each of them ended, in the order of the inputs, read page by page: so many may be gone
   * through as there are, in little memory.
   */
  outcomes(): AsyncIterableIterator<ChildOutcome<Output>>;
  /**
   * What all of them gave, in the order of the inputs, at most 10,000 (`children.full`). Rejects
   * with the `ChildError` of the first that did not succeed.
   */
  values(): Promise<Output[]>;
}

/** The part of a handler's context that starts children. */
export interface ChildContext {
  /**
   * Starts a run of a function as a child of this one. Resolves when it is accepted: once, however
   * often the code is executed. It belongs to the same tenant, ends by the deadline of its parent
   * at the latest, and is cancelled with it, unless `close` says otherwise. An option `id` is not
   * there: the id follows from the parent.
   *
   * Rejects as a step does, with `StepError`, where `hf.start` would refuse it.
   *
   * @example
   * const invoice = await ctx.start(makeInvoice, { order: 7 });
   * const parcel = await ctx.start(packParcel, { order: 7 });
   * const [pdf, label] = await Promise.all([invoice.result(), parcel.result()]);
   */
  start<Input, Output>(
    fn: ChildFunction<Input, Output>,
    input: Input,
    options?: ChildOptions,
  ): Promise<Child<Output>>;
  start(fn: string, input: unknown, options?: ChildOptions): Promise<Child>;
  /**
   * Starts a child for each input, at most 100,000, and waits until all of them have ended, without
   * a slot and whatever their outcomes. Inputs are taken from an array or an (async) iterable a
   * batch at a time: give the same ones in every attempt.
   *
   * @example
   * const sizes = await ctx.all(resize, images.map((image) => ({ image, width: 400 })));
   * if (sizes.failed > 0) ctx.log.warn(`${sizes.failed} of ${sizes.count} were not resized`);
   * for await (const { index, value } of sizes.outcomes()) console.log(images[index], value);
   */
  all<Input, Output>(
    fn: ChildFunction<Input, Output>,
    inputs: Iterable<Input> | AsyncIterable<Input>,
    options?: ChildOptions,
  ): Promise<Children<Output>>;
  all(
    fn: string,
    inputs: Iterable<unknown> | AsyncIterable<unknown>,
    options?: ChildOptions,
  ): Promise<Children>;
}

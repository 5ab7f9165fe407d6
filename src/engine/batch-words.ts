/**
 * Owns the words of functions that take many runs at once: what their code is given, and gives.
 */

/** One run of a batch, or one call. */
export interface BatchItem<Input = unknown, Output = unknown> {
  readonly input: Input;
  /** The id of the run, or of the call. */
  readonly runId: string;
  /** From 1. */
  readonly attempt: number;
  readonly tenant: string;
  /** Aborts when this run is to stop, whatever becomes of the others. */
  readonly signal: AbortSignal;
  /** Ends this run with a result. The first verdict counts. */
  succeed(value: Output): void;
  /** Fails this attempt as if its handler had thrown that: the retry policy decides. */
  fail(error: unknown): void;
}

/** The verdict on one item, for functions that return them in the order of the items. */
export type BatchVerdict<Output = unknown> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly error: unknown };

/** What the code of a batch is given beside its items. */
export interface BatchContext {
  /** Aborts when every item is to stop. */
  readonly signal: AbortSignal;
}

/** How a function takes many runs at once. */
export interface BatchCode {
  readonly max: number;
  readonly waitMs: number;
  readonly run: (items: readonly BatchItem[], ctx: BatchContext) => unknown;
}

/**
 * Owns what the engine knows of a function that it executes.
 *
 * H1 Code is opaque: it may throw anything, return anything, or never return.
 */
import type { HostedFunction } from '../ports/store-nodes.ts';
import type { BatchCode } from './batch-words.ts';
import type { RunContext } from './run-context.ts';

/** What a check of an input found. */
export type Checked =
  | { readonly ok: true; readonly value: unknown }
  /** One line for each thing that is wrong, with its path. */
  | { readonly ok: false; readonly issues: readonly string[] };

/** Checks the data of a signal. */
export type SignalCheck = (data: unknown) => Checked | Promise<Checked>;

/** A function as the engine executes it. */
export interface HostedCode extends HostedFunction {
  /** Executions at once on this node, or null. */
  readonly concurrency: number | null;
  /** Checks the stored input and gives what the handler gets; null: the input as it is. */
  readonly read: ((input: unknown) => Checked | Promise<Checked>) | null;
  /** What the signals that it takes are checked by, by name; null: any data. */
  readonly signals: ReadonlyMap<string, SignalCheck | null>;
  readonly run: (input: unknown, ctx: RunContext) => unknown;
  /** Takes many runs at once, instead of `run`. */
  readonly batch?: BatchCode;
}

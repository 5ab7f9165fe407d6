/**
 * Owns what the engine knows of a function that it executes.
 *
 * H1 Code is opaque: it may throw anything, return anything, or never return.
 */
import type { HostedFunction } from '../ports/store-nodes.ts';
import type { RunContext } from './run-context.ts';

/** What a check of an input found. */
export type Checked =
  | { readonly ok: true; readonly value: unknown }
  /** One line for each thing that is wrong, with its path. */
  | { readonly ok: false; readonly issues: readonly string[] };

/** A function as the engine executes it. */
export interface HostedCode extends HostedFunction {
  /** Executions at once on this node, or null. */
  readonly concurrency: number | null;
  /** Checks the stored input and gives what the handler gets; null: the input as it is. */
  readonly read: ((input: unknown) => Checked | Promise<Checked>) | null;
  readonly run: (input: unknown, ctx: RunContext) => unknown;
}

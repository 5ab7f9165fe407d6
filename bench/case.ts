/**
 * Owns the contract of a case: one side of a benchmark, alone in a process of its own.
 *
 * K1 Each side has its own process for the whole benchmark, so that neither pays for the other's
 *    heap, threads or compiled code; the rounds of all sides are interleaved.
 * K2 A case checks what it measured: all outcomes there, none doubled. What does not hold is
 *    thrown, and ends the benchmark with exit code 1.
 */

/** Anything that can be sent between processes as JSON. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** What a case is asked, and what it answers. */
export type Ask = { readonly [key: string]: Json };
export type Answer = { readonly [key: string]: Json };

/** One side of a benchmark in its process. */
export interface Case {
  /** Does one round of work, or one step of it, and says what was measured. */
  ask(ask: Ask): Promise<Answer>;
  close(): Promise<void>;
}

/** What a case's module exports as `openCase`. `tell` sends events to the parent at any time. */
export type OpenCase<Params extends Ask = Ask> = (
  params: Params,
  tell: (event: Answer) => void,
) => Promise<Case>;

/** From the parent to the case. */
export type ToCase =
  | { readonly do: 'open'; readonly module: string; readonly params: Ask }
  | { readonly do: 'ask'; readonly ask: Ask }
  | { readonly do: 'close' };

/** From the case to the parent: one answer to each message, and events between them. */
export type FromCase =
  | { readonly is: 'answer'; readonly answer: Answer }
  | { readonly is: 'error'; readonly message: string }
  | { readonly is: 'event'; readonly event: Answer };

/** Throws when what was measured is not what was meant to be measured. */
export function verify(holds: boolean, what: string): void {
  if (!holds) throw new Error(`verification failed: ${what}`);
}

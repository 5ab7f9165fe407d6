/**
 * Owns the record of one round of the fence test: what the referee saw, in its order. Stored
 * format.
 *
 * H1 It holds what was seen and nothing that was concluded: `judge.ts` says what it means, then
 *    and later.
 * H2 A is the owner that is frozen, B the worker that is there when it happens. What a handler
 *    gives back names its process and its execution: `A1` is the result of the stale owner.
 */

/** What the handler is at when its process is frozen. */
export const manners = ['computing', 'waiting'] as const;
export type Manner = (typeof manners)[number];

export type Actor = 'A' | 'B';

/** Where a system says that a job stands. `gone`: it ended, and was not kept. */
export type State = 'waiting' | 'running' | 'succeeded' | 'failed' | 'gone';

/** A job as its system shows it; `by` is the result, null as long as there is none. */
export interface Sight {
  readonly state: State;
  readonly by: string | null;
}

/** One thing that was seen, in milliseconds since the round began. */
export type Moment = { readonly atMs: number } & (
  | { readonly what: 'begun' | 'returned'; readonly actor: Actor; readonly by: string }
  /** Nobody had taken over within the bound, and an operator gave the job free. */
  | { readonly what: 'frozen' | 'unlocked' | 'woken' }
  /** What the system's own code said in this process, in its log or as an event. */
  | { readonly what: 'said'; readonly actor: Actor; readonly words: string }
  | ({ readonly what: 'seen' } & Sight)
);

export interface History {
  readonly system: string;
  readonly manner: Manner;
  readonly moments: readonly Moment[];
}

/** The result that must not win. */
export const STALE = 'A1';

/** Whose result this is, whatever a system has made of it; null when there is none. */
export function byOf(result: unknown): string | null {
  const by = (result as { readonly by?: unknown } | null | undefined)?.by;
  return typeof by === 'string' ? by : null;
}

/**
 * Owns the words of durable code: what a handler says to its context, and what it is given.
 *
 * U1 Whatever a step or a wait gives is what JSON makes of it, live and in every later attempt.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { EventMatch } from '../../core/durable/match.ts';
import type { RetryPolicy } from '../../core/retry.ts';
import type { WallMs } from '../../core/time.ts';
import type { Isolation, StepTransaction } from '../../ports/transactions.ts';
import type { ChildContext } from './child-words.ts';

/** What a step is given. */
export interface StepContext {
  /** Aborts when the run is asked to stop, its attempt is over, or the step's time is. */
  readonly signal: AbortSignal;
  /** Counts the tries of this step in this attempt, from 1. */
  readonly tries: number;
  /** Names the step within its run: hand both to systems that know what was done before. */
  readonly key: string;
}

/** How one step is carried out. */
export interface StepOptions<Output = unknown> {
  /**
   * How failures are retried, on top of the policy of the run; `false`: not at all. Default: the
   * policy of the run. Delays up to a minute hold the slot.
   */
  readonly retry?: Partial<RetryPolicy> | false;
  /** Longest one try may take. It is signalled, gets the grace of the run, and has failed then. */
  readonly timeoutMs?: number;
  /** Checks what the step gave, before it is kept. Any Standard Schema. */
  readonly output?: StandardSchemaV1<unknown, Output>;
}

/** How a step in a transaction is carried out. */
export interface TransactionOptions<Output = unknown> extends StepOptions<Output> {
  /** Default `read committed`. */
  readonly isolation?: Isolation;
}

/** How a sleep is called among the steps of its run. */
export interface SleepOptions {
  /** Default `sleep`. */
  readonly name?: string;
}

/** Which event ends a wait, and when it ends without one. */
export interface WaitForOptions<Data = unknown> {
  /** What must stand at these paths of the event's data, such as `{ 'order.id': 7 }`. */
  readonly match?: EventMatch;
  /** After so many ms the wait gives null. Default: never. */
  readonly timeoutMs?: number;
  /** How the wait is called among the steps of its run. Default: the name of the event. */
  readonly name?: string;
  /** Checks the data of the event. Any Standard Schema. */
  readonly schema?: StandardSchemaV1<unknown, Data>;
}

/** An event that ended a wait. */
export interface HeardEvent<Data = unknown> {
  readonly id: string;
  readonly data: Data;
  /** When it was emitted, in milliseconds since the epoch. */
  readonly at: WallMs;
}

/** When a wait for a decision ends without one. */
export interface ApprovalOptions {
  /** Default: never. */
  readonly timeoutMs?: number;
}

/** What somebody decided. */
export interface Decision {
  readonly state: 'approved' | 'rejected' | 'timed-out';
  /** Who decided, if that was said. */
  readonly by: string | null;
  /** What was given with the decision, or null. */
  readonly data: unknown;
}

/** A decision that is asked for. */
export interface Approval {
  /**
   * Whoever has it may decide: `hf.approvals.approve(token)`. Empty in a fork, whose decision was
   * made in the first run.
   */
  readonly token: string;
  /** Waits for the decision. Holds no slot. */
  decision(): Promise<Decision>;
}

/** When a wait for signals ends without one, and how it is called. */
export interface WaitForSignalOptions {
  /** After so many ms the wait gives null. Default: never. */
  readonly timeoutMs?: number;
  /** How the wait is called among the steps of its run. Default: the names that it is for. */
  readonly name?: string;
}

/** Something that the run was told. */
export interface Signal<Data = unknown> {
  readonly id: string;
  readonly name: string;
  readonly data: Data;
  /** When it came, in milliseconds since the epoch. */
  readonly at: WallMs;
  /** Tells the sender yes, once and for good, with a value if there is something to say. */
  accept(value?: unknown): Promise<void>;
  /** Tells the sender no, and why. */
  refuse(reason: string): Promise<void>;
}

/** What durable code is made of. */
export interface DurableContext extends ChildContext {
  /**
   * Does something once: executes `run` and keeps what it gives or throws, before the promise
   * settles. Later attempts of the run, after a crash, a retry or a wait, get what was kept.
   *
   * `name` names it within the run; a second use of a name is another step. Steps may run side by
   * side; they do not nest. A step that was under way when its process died is done again, so let
   * it be idempotent: `ctx.runId` and `key` name it for other systems.
   *
   * Rejects with `StepError` when it has failed for good, with `key.invalid` and `request.invalid`.
   *
   * @example
   * const payment = await ctx.step('charge', ({ key, signal }) =>
   *   charge(order, { idempotencyKey: `${ctx.runId}/${key}`, signal }),
   * );
   */
  step<Output>(
    name: string,
    run: (step: StepContext) => Output | Promise<Output>,
    options?: StepOptions<Output>,
  ): Promise<Output>;
  /**
   * A step in a transaction of the database that the store is in (PostgreSQL): what `run` writes
   * through `tx` is committed together with what is kept of the step, so it happens once, whatever
   * crashes. What `run` throws rolls it back. It may be called more than once before that: let it
   * touch nothing but the database, and wait for nothing else.
   *
   * Rejects with `StepError` when it has failed for good, with `key.invalid`, and with
   * `request.invalid`, also where the store is in no database.
   *
   * @example
   * await ctx.transaction('book', async (tx) => {
   *   await tx.query('update accounts set cents = cents - $1 where id = $2', [990, 7]);
   * });
   */
  transaction<Output>(
    name: string,
    run: (tx: StepTransaction, step: StepContext) => Output | Promise<Output>,
    options?: TransactionOptions<Output>,
  ): Promise<Output>;
  /**
   * Waits for a time without a slot, across crashes and restarts. At most ten years.
   *
   * @example
   * await ctx.sleep(3 * 24 * 3_600_000); // three days
   */
  sleep(ms: number, options?: SleepOptions): Promise<void>;
  /** Waits until a time (Date, or ms since the epoch), by the clock of the store. */
  sleepUntil(at: Date | number, options?: SleepOptions): Promise<void>;
  /**
   * Waits for an event (`hf.emit`) of the run's tenant, without a slot. Gives null after
   * `timeoutMs`. An event that came since the run was accepted counts too, unless an earlier wait
   * for the same was given it. Rejects with `input.invalid` if its data does not fit `schema`.
   *
   * @example
   * const paid = await ctx.waitFor('paid', { match: { order: 7 }, timeoutMs: 86_400_000 });
   * if (paid === null) await ctx.step('remind', () => remind(7));
   */
  waitFor<Data = unknown>(
    event: string,
    options?: WaitForOptions<Data>,
  ): Promise<HeardEvent<Data> | null>;
  /**
   * Asks for a decision of somebody: gives the token by which it is made, once that is kept.
   *
   * @example
   * const approval = await ctx.approval('refund', { timeoutMs: 7 * 86_400_000 });
   * await ctx.step('ask', () => mail('boss@example.com', approval.token));
   * const { state, by } = await approval.decision();
   */
  approval(name?: string, options?: ApprovalOptions): Promise<Approval>;
  /**
   * Waits for the next signal (`hf.runs.signal`) of one of these names, which the definition
   * declares. Holds no slot. Signals come in their order, each once, also those that came before
   * the wait; null after `timeoutMs`. One whose data does not fit its schema is refused, and the
   * wait begins anew. Rejects with `signal.unknown`.
   *
   * @example
   * const signal = await ctx.waitForSignal<{ seats: number }>('book');
   * if (signal !== null && signal.data.seats <= free) await signal.accept({ seats: free });
   * else await signal?.refuse('no seats are left');
   */
  waitForSignal<Data = unknown>(
    names: string | readonly string[],
    options?: WaitForSignalOptions,
  ): Promise<Signal<Data> | null>;
  /** What the clock says, once: later attempts get the same. */
  now(): Promise<WallMs>;
  /** A number in [0, 1), once: later attempts get the same. */
  random(): Promise<number>;
  /** A new unique id, once: later attempts get the same. */
  uuid(): Promise<string>;
}

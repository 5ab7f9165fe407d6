/**
 * Owns the port to transactions that the code of a step shares with the store: what the code writes
 * and that the step was done are committed together, or neither is.
 *
 * X1 For a run and a key at most one transaction commits, whoever owns the run, and however often
 *    it is tried. A later one is given the value of the first, without its code being called.
 * X2 Whoever does not own the run when the code is called, or when it is to be committed, commits
 *    nothing. An ownership that ends between that look and the commit does not undo it: then the
 *    next owner is given the value (X1).
 * X3 What cannot be known yet is found out before anything is told: how a commit ended, and
 *    whether somebody else is in the middle of the same step.
 */
import type { HoldfastError } from '../core/errors.ts';
import type { Fence } from '../core/fence.ts';

/** How transactions that go on at once see each other, in the words of SQL. */
export const isolations = ['read committed', 'repeatable read', 'serializable'] as const;

/** One of the isolation levels of PostgreSQL. */
export type Isolation = (typeof isolations)[number];

/** A statement with more to say than text and values: a name, or the form of its rows. */
export interface TransactionQuery {
  readonly text: string;
  readonly values?: readonly unknown[];
  readonly name?: string;
  readonly rowMode?: 'array';
}

/** What a statement of a transaction gives, as `pg` gives it. */
export interface TransactionAnswer<Row> {
  readonly rows: Row[];
  readonly rowCount: number | null;
  readonly command: string;
}

/** An open transaction in the database of the store. It is ended by the step, not by its code. */
export interface StepTransaction {
  /**
   * Executes a statement in the transaction, as a client of `pg` does.
   *
   * @example
   * await tx.query('update accounts set cents = cents - $1 where id = $2', [990, 7]);
   */
  query<Row = Record<string, unknown>>(
    text: string | TransactionQuery,
    values?: readonly unknown[],
  ): Promise<TransactionAnswer<Row>>;
}

/** A step that is to be done in a transaction. */
export interface TransactionAsk {
  /** Id, number and fence of the run. */
  readonly id: string;
  readonly seq: number;
  readonly fence: Fence;
  /** The key of the step. */
  readonly key: string;
  readonly isolation: Isolation;
  /**
   * Does the step, and gives the text that is kept of it. It is called again where the database
   * asks for that: after a deadlock, say.
   */
  readonly code: (tx: StepTransaction) => Promise<string>;
  /** Its time is over: gives up its code, and what is not on its way to be committed. */
  readonly late: AbortSignal;
  /** Nobody wants to know any more: gives up whatever it can. */
  readonly gone: AbortSignal;
}

/**
 * `kept`: this is what stands. Else nothing was done here: the run has another owner (null), or a
 * fault keeps it from being done, that waiting does not mend.
 */
export type TransactionEnd =
  | { readonly kept: true; readonly value: string }
  | { readonly kept: false; readonly fault: HoldfastError | null };

/** Executes steps in transactions of the store's database. */
export interface Transactions {
  /**
   * Rejects with what the code threw, or with the reason of a signal: then nothing is committed, by
   * nobody, but for `gone`.
   */
  run(ask: TransactionAsk): Promise<TransactionEnd>;
}

/**
 * Owns one transaction of a step as its code sees it: the statements, and whether it can still be
 * committed.
 *
 * O1 The code speaks only through this, never to the connection: when the step is over, what the
 *    code still says is refused and reaches nobody else's transaction.
 * O2 A statement that failed is remembered: PostgreSQL commits nothing after it, even if the code
 *    has caught the error, unless it went back to a savepoint. What the code did not wait for
 *    counts, too.
 * O3 What would end the transaction is not sent, and has spoiled it. Where it was ended all the
 *    same, nothing more is executed: it would be committed by itself. Behind an error the state
 *    of the connection is asked for first, because the error comes before it.
 */
import type pg from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import type {
  StepTransaction,
  TransactionAnswer,
  TransactionQuery,
} from '../../ports/transactions.ts';

/** After these the same transaction may well succeed: a deadlock, or one that cannot be ordered. */
const passing: ReadonlySet<string> = new Set(['40001', '40P01']);
/** Statements that begin or end a transaction, but for those of savepoints. */
const ending =
  /^[\s;]*(begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback)\b/i;
const toSavepoint = /^[\s;]*rollback\s+(work\s+|transaction\s+)?to\b/i;
/** Raised by the trigger of the schema. */
const endedByCode = 'HF002';

/** The SQLSTATE of an error of the server, else null. */
export function stateOf(error: unknown): string | null {
  const code =
    error instanceof Error && 'severity' in error ? (error as { code?: unknown }).code : null;
  return typeof code === 'string' ? code : null;
}

/** Whether the same transaction may well succeed if it begins anew. */
export const isPassing = (error: unknown): boolean => passing.has(stateOf(error) ?? '');

const ended = (): HoldfastError =>
  new HoldfastError(
    'request.invalid',
    'the code ended its transaction; neither begin, commit nor roll back in a step: what it ' +
      'returns is committed, and what it throws is rolled back',
  );

/** The transaction of one try. */
export class OpenTransaction implements StepTransaction {
  readonly #client: pg.PoolClient;
  #fault: Error | null = null;
  #passing = false;
  #open = true;
  /** O3 */
  #spoiled = false;
  #doubt = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
  }

  /** Whether the database asked for another try. */
  get isPassing(): boolean {
    return this.#passing;
  }

  /** As an own property: libraries take it off its object. */
  readonly query = <Row = Record<string, unknown>>(
    text: string | TransactionQuery,
    values?: readonly unknown[],
  ): Promise<TransactionAnswer<Row>> => {
    const answer = this.#ask<Row>(text, values);
    // Whoever does not wait for it hears of it when the step ends (O2).
    answer.catch(() => {});
    return answer;
  };

  /** Refuses all further statements. Those on their way are executed before whatever comes next. */
  close(): void {
    this.#open = false;
  }

  /** What forbids to commit, once everything that was asked has its answer; else null. */
  flaw(): Error | null {
    if (this.#spoiled) return ended();
    switch (this.#client.getTransactionStatus()) {
      case 'T':
        return null;
      case 'E':
        return this.#fault ?? new Error('a statement of the transaction failed');
      default:
        return ended();
    }
  }

  async #ask<Row>(
    text: string | TransactionQuery,
    values?: readonly unknown[],
  ): Promise<TransactionAnswer<Row>> {
    if (!this.#open) {
      const message = 'the transaction of this step is over; nothing can be done in it any more';
      throw new HoldfastError('attempt.over', message);
    }
    const words = typeof text === 'string' ? text : text.text;
    this.#spoiled ||= ending.test(words) && !toSavepoint.test(words);
    if (this.#doubt) {
      this.#doubt = false;
      await this.#client.query('').catch(() => {});
    }
    if (this.#spoiled || this.#client.getTransactionStatus() === 'I') throw ended();
    try {
      const given = text as pg.QueryConfig;
      return (await (values === undefined
        ? this.#client.query(given)
        : this.#client.query(given, [...values]))) as unknown as TransactionAnswer<Row>;
    } catch (error) {
      throw this.#noted(error);
    }
  }

  #noted(error: unknown): Error {
    const known = error instanceof Error ? error : new Error(String(error));
    this.#doubt = true;
    this.#spoiled ||= stateOf(known) === endedByCode;
    const fault = this.#spoiled ? ended() : known;
    this.#fault ??= fault;
    this.#passing ||= isPassing(known);
    return fault;
  }
}

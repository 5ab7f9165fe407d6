/**
 * Owns starting within a transaction of the caller: the run is accepted if that transaction
 * commits, and was never there if it does not.
 *
 * T1 One statement on the caller's connection, and nothing else of ours in its transaction: it
 *    takes no lock that anybody waits for, however long the transaction goes on.
 * T2 What is given is recognised by its shape: a client of `pg`, a transaction of `postgres`, or
 *    anything with `query(text, values)`. What cannot be in a transaction is refused, because the
 *    start would be committed by itself.
 * T3 Nothing is published: nobody can tell when, or whether, the caller commits.
 */
import { shown } from '../../core/check.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { StartItem, StartVerdict } from '../../ports/store-runs.ts';
import { quoted } from './quoted.ts';

/** Anything that executes a statement within an open transaction. */
export interface QueryTransaction {
  query(text: string, values: string[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** A transaction of `postgres`, as `sql.begin` hands it out. */
export interface TaggedTransaction {
  /** A template tag, which is not called here. */
  (...args: never[]): unknown;
  unsafe(text: string, values: string[]): PromiseLike<readonly unknown[]>;
}

/** The caller's transaction. */
export type CallerTransaction = QueryTransaction | TaggedTransaction;

/** Puts runs into the caller's transaction. What is refused later is refused by a sweep. */
export async function startWithin(
  tx: CallerTransaction,
  schema: string,
  items: readonly StartItem[],
): Promise<readonly StartVerdict[]> {
  if (items.length === 0) return [];
  const ask = asking(tx);
  try {
    // By way of text: some drivers would write a value that goes to JSON as JSON once more. With a
    // column of a usual type: some do not understand the type of nothing.
    await ask(`select true as started from ${quoted(schema)}.start_items($1::text::jsonb)`, [
      JSON.stringify(items),
    ]);
  } catch (error) {
    throw faultIn(schema, error);
  }
  return items.map(({ id }) => ({ ok: true, id, created: true }));
}

/** The caller's driver speaks: its error is kept as the cause. */
function faultIn(schema: string, error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const state = stateOf(error);
  const details = { name: 'tx', ...(state === null ? {} : { sqlstate: state }) };
  if (state === '3F000' || state === '42883') {
    const message =
      `tx: its database has no schema '${schema}' of this version; give a transaction of the ` +
      'database that the store is in';
    return new HoldfastError('request.invalid', message, { details, cause: error });
  }
  if (state === '42501') {
    const message = `tx: its role lacks a right on the schema '${schema}'; grant it`;
    return new HoldfastError('store.denied', message, { details, cause: error });
  }
  const why = state === null ? '' : ` (SQLSTATE ${state})`;
  const message = `tx: the run could not be put into your transaction${why}; roll it back`;
  return new HoldfastError('store.unavailable', message, { details, cause: error });
}

/** Some libraries wrap what the driver throws. */
function stateOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { code } = error as { readonly code?: unknown };
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
  return stateOf(error.cause);
}

type Ask = (text: string, values: string[]) => Promise<readonly unknown[]>;

/** T2 */
function asking(tx: unknown): Ask {
  if (typeof tx === 'function') {
    if (has(tx, 'begin')) throw wrong('it is no transaction; give what sql.begin() hands out');
    if (has(tx, 'unsafe'))
      return async (text, values) => (await tx.unsafe(text, values)) as readonly unknown[];
  } else if (typeof tx === 'object' && tx !== null && has(tx, 'query')) {
    if ('totalCount' in tx && 'idleCount' in tx) {
      throw wrong('it is a pool, which has no transaction; give a client of it after begin');
    }
    if (has(tx, 'getTransactionStatus') && tx.getTransactionStatus() === 'I') {
      throw wrong('no transaction is open on it; begin one first');
    }
    return async (text, values) => {
      const answer: unknown = await tx.query(text, values);
      if (typeof answer === 'object' && answer !== null && 'rows' in answer) {
        return answer.rows as readonly unknown[];
      }
      throw wrong('its query() does not give { rows }');
    };
  }
  throw wrong(`it is ${shown(tx)}; give a pg client, a postgres transaction, or { query }`);
}

type Method = (...args: readonly unknown[]) => unknown;

const has = <Name extends string>(value: object, name: Name): value is Record<Name, Method> =>
  typeof (value as Record<string, unknown>)[name] === 'function';

const wrong = (why: string): HoldfastError =>
  new HoldfastError('request.invalid', `tx: ${why}`, { details: { name: 'tx' } });

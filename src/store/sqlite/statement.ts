/**
 * Owns the thin layer over `node:sqlite`: prepared statements whose rows are typed tuples.
 *
 * N1 Rows come as arrays: reading a run by position costs half of reading it by name.
 * N2 A statement is prepared once a connection, when the tables are opened, never in a transaction.
 */
import type { DatabaseSync } from 'node:sqlite';

/** What is bound and what comes back. Booleans are 0 and 1; bytes are not used. */
export type Sql = null | number | string;

/** A prepared statement. The row type is the promise of whoever wrote the SQL. */
export interface Query<Row extends readonly Sql[]> {
  /** The first row, or undefined. */
  one(...params: readonly Sql[]): Row | undefined;
  all(...params: readonly Sql[]): readonly Row[];
  /** Executes and says how many rows were changed. */
  run(...params: readonly Sql[]): number;
}

/** Prepares a statement. */
export function query<Row extends readonly Sql[] = readonly []>(
  db: DatabaseSync,
  sql: string,
): Query<Row> {
  const statement = db.prepare(sql, { returnArrays: true });
  return {
    one: (...params) => statement.get(...params) as unknown as Row | undefined,
    all: (...params) => statement.all(...params) as unknown as readonly Row[],
    run: (...params) => Number(statement.run(...params).changes),
  };
}

/** The one value of a one-column, one-row statement. */
export function scalar(db: DatabaseSync, sql: string): Sql {
  return query<readonly [Sql]>(db, sql).one()?.[0] ?? null;
}

/**
 * Owns the words in which one connection is asked.
 */

/** One of several calls: what it gave, or why the server refused it. */
export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown };

/**
 * What calls that are sent together wait for: the disk, nothing, or the disk if the last of them
 * says that it handed something out.
 */
export type Flush = 'yes' | 'no' | 'if-handed';

/** A statement with its values. */
export interface Call {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** What is asked of one connection. */
export interface Queries {
  rows<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The column `value` of the one row. */
  one<T>(text: string, values?: readonly unknown[]): Promise<T>;
  /** Several statements in one message; gives the `value` of the last one's row, if it has any. */
  script<T>(text: string): Promise<T>;
  /**
   * As `script`, for one whose last statement commits: resolves once what it did is as durable as
   * the store promises (P5 of the pool).
   */
  committed<T>(text: string, values?: readonly unknown[]): Promise<T>;
  /**
   * Several statements, sent at once, each a transaction of its own, with one wait for all of them.
   * Rejects if the connection broke.
   */
  together(calls: readonly Call[], flush: Flush): Promise<readonly Answer[]>;
  /** Makes everything durable that was committed before, whoever did it (P5 of the pool). */
  flushed(): Promise<void>;
  /** A text as it is written in a statement. */
  literal(text: string): string;
}

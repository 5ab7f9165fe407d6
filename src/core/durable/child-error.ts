/**
 * Owns the error with which a child that did not succeed tells the code of its parent so.
 *
 * E1 It is made from the outcome of the child, which never changes: the code sees the same, live
 *    and in every later attempt.
 */
import type { Outcome } from '../outcome.ts';

/**
 * A child ended otherwise than by success. Code may catch it, and compensate. If it leaves the
 * handler, the run fails for good: in a later attempt the child would have the same outcome.
 *
 * @example
 * const error = new ChildError('c1', { kind: 'lost', error: null });
 * [error.code, error.child, error.outcome.kind]; // => ['child.failed', 'c1', 'lost']
 */
export class ChildError extends Error {
  override readonly name = 'ChildError';
  readonly code = 'child.failed';
  /** The id of the child. */
  readonly child: string;
  /** How it ended. */
  readonly outcome: Outcome;

  constructor(child: string, outcome: Outcome) {
    const { kind, error } = outcome;
    const why = error === null ? '' : `: ${error.message} [${error.code}]`;
    super(`the child '${child}' ended as ${kind}${why}`);
    this.child = child;
    this.outcome = outcome;
  }

  /** What is kept of it when it ends its parent. */
  get details(): Readonly<Record<string, unknown>> {
    const { kind, error } = this.outcome;
    const why = error === null ? {} : { code: error.code, message: error.message };
    return { child: this.child, outcome: kind, ...why };
  }
}

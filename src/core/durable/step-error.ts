/**
 * Owns the error with which a step that failed for good tells the code so.
 *
 * E1 It is made from what is recorded, live and in every later attempt: the code sees the same.
 */
import type { ErrorDetail } from '../outcome.ts';

/**
 * A step has failed as often as its policy allows. `code` is the one that the thrown error carried,
 * else `attempt.failed`; the message is its own. Code may catch it, and compensate. If it leaves
 * the handler, the run fails for good: in a later attempt the step would give the same error.
 *
 * @example
 * const error = new StepError('step/charge', { code: 'card.declined', message: 'no funds' });
 * [error.code, error.step]; // => ['card.declined', 'step/charge']
 */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly code: string;
  /** The key of the step. */
  readonly step: string;
  /** What is kept of the error. */
  readonly detail: ErrorDetail;

  constructor(step: string, detail: ErrorDetail) {
    super(detail.message);
    this.code = detail.code;
    this.step = step;
    this.detail = detail;
  }
}

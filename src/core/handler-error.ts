/**
 * Owns the two errors with which a handler says more than "it went wrong".
 *
 * A1 Any other thrown value is a failure that the retry policy decides about.
 */

/** What may be added to an error of a handler. */
export interface HandlerErrorExtras {
  /** A word for programs, kept as the code of the outcome's error. Default `attempt.failed`. */
  readonly code?: string;
  readonly cause?: unknown;
}

const causeOf = ({ cause }: HandlerErrorExtras): ErrorOptions | undefined =>
  cause === undefined ? undefined : { cause };

/**
 * Thrown by a handler to end its run as `failed` at once, whatever the retry policy allows.
 *
 * @example
 * throw new NonRetryableError('the card was declined', { code: 'card.declined' });
 */
export class NonRetryableError extends Error {
  override readonly name = 'NonRetryableError';
  readonly code: string | undefined;

  constructor(message: string, extras: HandlerErrorExtras = {}) {
    super(message, causeOf(extras));
    this.code = extras.code;
  }
}

/**
 * When a handler wants to be tried again: at a time (Date or ms since the epoch), or after a delay.
 */
export interface RetryAtExtras extends HandlerErrorExtras {
  readonly at?: Date | number;
  readonly afterMs?: number;
}

/**
 * Thrown by a handler that knows when trying again makes sense. It still spends one attempt of the
 * policy's budget; only the delay is overruled. Without a usable time the policy's delay holds.
 *
 * @example
 * throw new RetryAtError('rate limited', { afterMs: 30_000 });
 */
export class RetryAtError extends Error {
  override readonly name = 'RetryAtError';
  readonly code: string | undefined;
  /** Milliseconds since the epoch, or null. */
  readonly at: number | null;
  readonly afterMs: number | null;

  constructor(message: string, extras: RetryAtExtras) {
    super(message, causeOf(extras));
    this.code = extras.code;
    this.at = finite(extras.at === undefined ? undefined : Number(extras.at));
    this.afterMs = finite(extras.afterMs);
  }
}

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

/**
 * Owns the form in which an error travels between the threads of a store.
 */
import { type ErrorCode, HoldfastError } from '../core/errors.ts';

/** An error as it is sent between threads. */
export interface SentFault {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly cause: string | null;
}

/** Makes an error ready to be sent. */
export function sendFault(error: HoldfastError): SentFault {
  const { code, message, details, cause } = error;
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : null;
  return { code, message, details, cause: text };
}

/** The error that was sent. */
export function receiveFault({ code, message, details, cause }: SentFault): HoldfastError {
  return new HoldfastError(code, message, cause === null ? { details } : { details, cause });
}

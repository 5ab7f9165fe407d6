/**
 * Owns the error with which every call of the client rejects.
 *
 * E1 The fields are those of the server's problem: `code` is stable, `retry` is the table's word.
 *    Two codes are the client's own, for what never came from a server of ours.
 * E2 No key, token, query or body is ever in a message.
 */
import type { ErrorCode, ErrorRow } from '../core/errors.ts';

/**
 * What only a client can meet. `client.no_answer`: nothing came back, or not all of it; whether the
 * request was done is not known. `client.bad_answer`: what came back is none of this API.
 */
export type ClientCode = 'client.no_answer' | 'client.bad_answer';

/** What is known of an error beside its code and message. */
export interface ClientErrorExtras {
  readonly status?: number;
  readonly retry?: ErrorRow['retry'];
  readonly details?: Readonly<Record<string, unknown>>;
  readonly requestId?: string;
  readonly cause?: unknown;
}

/**
 * The error of every refusal and fault that a client meets, save for the reasons of signals that
 * were aborted.
 *
 * @example
 * const error = new ClientError('run.not_found', "no run 'a1'", { status: 404 });
 * error.code; // => 'run.not_found'
 * error.retry; // => 'never'
 */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ErrorCode | ClientCode;
  /** Of the HTTP answer; null if there was none. */
  readonly status: number | null;
  /** Whether the same call may succeed later: `never`, `after` a while, `safe` at once. */
  readonly retry: ErrorRow['retry'];
  /** The values at fault. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Names the request in the server's log; null if there was no answer. */
  readonly requestId: string | null;

  constructor(code: ErrorCode | ClientCode, message: string, extras: ClientErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.code = code;
    this.status = extras.status ?? null;
    this.retry = extras.retry ?? 'never';
    this.details = extras.details ?? {};
    this.requestId = extras.requestId ?? null;
  }
}

/** An error about an argument, found before anything was sent. */
export const invalid = (name: string, rule: string): ClientError =>
  new ClientError('request.invalid', `${name}: ${rule}`, { details: { name } });

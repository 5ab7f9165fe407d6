/**
 * Owns how a refusal or a fault looks on the wire: `application/problem+json` (RFC 9457) with the
 * fields of the one error table.
 *
 * P1 Nothing of a cause goes out. An error that has one, and errors that speak of the machine
 *    (paths, addresses) or of our own defects, say what their row of the table says, and no more.
 *    Credentials that an error quotes do not go out in any case.
 * P2 `Retry-After` stands where the table says `after`: as long as the error says, else a second.
 */
import { type ErrorCode, errorTable, HoldfastError } from '../core/errors.ts';
import { standardRedactor, withoutCredentials } from '../core/redact.ts';

/** What is sent. Format of the wire. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly retry: 'never' | 'after' | 'safe';
  readonly details: Readonly<Record<string, unknown>>;
  readonly requestId: string;
}

const retryAfterSeconds = 1;

/** Areas whose messages are about the caller's own request. */
const tellable: ReadonlySet<string> = new Set([
  ...['request', 'input', 'payload', 'key', 'function', 'run', 'tenant', 'wait', 'call'],
  ...['auth', 'http', 'operation', 'signal', 'signals', 'rate', 'lane', 'dead'],
]);

/** Whatever was thrown, as one of our errors. */
export const errorOf = (thrown: unknown): HoldfastError =>
  thrown instanceof HoldfastError
    ? thrown
    : new HoldfastError('internal.defect', 'an unexpected error', { cause: thrown });

/** What is sent of an error (P1). */
export function problemOf(error: HoldfastError, requestId: string): Problem {
  const { http: status, retry, meaning } = errorTable[error.code];
  const [area = ''] = error.code.split('.');
  const tell = tellable.has(area) && error.cause === undefined;
  return {
    type: `urn:holdfast:error:${error.code}`,
    title: meaning,
    status,
    detail: tell ? withoutCredentials(error.message) : meaning,
    code: error.code,
    retry,
    details: tell ? (standardRedactor.fields(error.details) ?? {}) : {},
    requestId,
  };
}

/** Headers that an error brings along, wherever it is found. */
export function problemHeaders(error: HoldfastError, requestId: string): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json',
    'x-request-id': requestId,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
  if (error.retry === 'after') headers['retry-after'] = String(secondsOf(error));
  if (error.code === 'auth.missing') headers['www-authenticate'] = 'Bearer realm="holdfast"';
  const { allow } = error.details;
  if (error.code === 'http.wrong_method' && Array.isArray(allow)) headers.allow = allow.join(', ');
  return headers;
}

/** In whole seconds, as the header has it; never too early. */
function secondsOf({ details: { retryAfterMs } }: HoldfastError): number {
  if (typeof retryAfterMs !== 'number') return retryAfterSeconds;
  return Math.max(1, Math.ceil(retryAfterMs / 1_000));
}

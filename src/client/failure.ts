/**
 * Owns the reading of answers: what came back, and what is known of a request that did not succeed.
 *
 * F1 Of every failure it is known whether nothing was done, or whether that cannot be told. Only
 *    the first lets a request be sent again that must not be done twice.
 */
import type { ErrorCode, ErrorRow } from '../core/errors.ts';
import { webWall } from '../system/web.ts';
import { ClientError } from './error.ts';

/** What became of one sending. */
export type Sent<T> = { readonly ok: true; readonly value: T } | Failure;

/** A sending that did not succeed. */
export interface Failure {
  readonly ok: false;
  readonly error: ClientError;
  /**
   * `nothing`: it was refused before anything was done, and may be tried again. `unknown`: it may
   * have been done. `final`: the answer stands.
   */
  readonly done: 'nothing' | 'unknown' | 'final';
  /** What `Retry-After` says, or null. */
  readonly afterMs: number | null;
}

/** What is read of a problem (RFC 9457). */
interface Problem {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly status: number;
  readonly retry: ErrorRow['retry'];
  readonly details: Readonly<Record<string, unknown>>;
  readonly requestId: string;
}

/** Statuses of those between us and the server that may pass. */
const passing: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const problemType = /^application\/problem\+json\b/i;
const shownCharsMax = 200;

/** A request as messages show it: `POST /runs/{}/cancel`. */
export type Shown = string;

/** Nothing came back, or not all of it. */
export function noAnswer(shown: Shown, safe: boolean, cause: unknown): Failure {
  const unsure = safe ? '' : '; whether it was done is not known';
  const message = `no answer to ${shown}: ${whyOf(cause)}${unsure}`;
  const error = new ClientError('client.no_answer', message, {
    ...{ cause, retry: safe ? 'after' : 'never' },
  });
  return { ok: false, error, done: 'unknown', afterMs: null };
}

/** What went wrong below: Node says it in the cause of the cause. */
function whyOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown).slice(0, shownCharsMax);
  const { cause } = thrown;
  const below = cause instanceof Error && cause.message !== '' ? cause.message : thrown.message;
  return below.slice(0, shownCharsMax);
}

/** An answer with its whole body. */
export function answered(
  shown: Shown,
  safe: boolean,
  response: Response,
  text: string,
): Sent<unknown> {
  const { status, headers } = response;
  if (!response.ok) return refused(shown, status, headers, text);
  if (status === 204) return { ok: true, value: undefined };
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (cause) {
    // Cut off, or from somebody else: either way it may have been done.
    return { ...noAnswer(shown, safe, cause), error: badAnswer(shown, status, safe) };
  }
}

/** An answer that says no. */
function refused(shown: Shown, status: number, headers: Headers, text: string): Failure {
  const afterMs = retryAfterMs(headers.get('retry-after'));
  const problem = problemType.test(headers.get('content-type') ?? '') ? parsed(text) : null;
  if (problem !== null) return { ...problemFailure(problem, status), afterMs };
  const passes = passing.has(status);
  // Whoever counts requests has done nothing; others may have passed it on before they failed.
  const done = status === 429 ? 'nothing' : passes ? 'unknown' : 'final';
  return { ok: false, error: badAnswer(shown, status, passes), done, afterMs };
}

const badAnswer = (shown: Shown, status: number, passes: boolean): ClientError =>
  new ClientError('client.bad_answer', `${shown} was answered by something else (${status})`, {
    ...{ status, retry: passes ? 'after' : 'never' },
  });

/** A problem of the server, as a body or as an event of a stream. */
export function problemFailure(problem: unknown, status?: number): Failure {
  const {
    code = 'client.bad_answer',
    detail = 'it ended with a problem',
    ...rest
  } = Object(problem) as Partial<Problem>;
  const { retry = 'never' } = rest;
  const error = new ClientError(code, detail, status === undefined ? rest : { ...rest, status });
  // A store that cannot be reached may have done it before it was lost.
  const done = retry !== 'after' ? 'final' : code === 'store.unavailable' ? 'unknown' : 'nothing';
  return { ok: false, error, done, afterMs: null };
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'code' in value ? value : null;
  } catch {
    return null;
  }
}

/** Seconds, or a date. */
function retryAfterMs(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - webWall());
}

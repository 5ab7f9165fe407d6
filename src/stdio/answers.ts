/**
 * Owns how outcomes look on the wire: status, type and bytes.
 *
 * A1 Every outcome has an answer. What cannot be sent becomes one that can: a body of ours with a
 *    status.
 */
import { Reply } from '../core/call/reply.ts';
import { type ErrorCode, errorTable, HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { OutcomeKind } from '../core/outcome.ts';
import { breaksFrame } from './frames.ts';

/** What is sent, without its uid. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  /** In ms since 1970, or null: not to be kept. */
  readonly expiresAt: number | null;
  readonly payload: Uint8Array;
}

const json = 'application/json';

/** Where the protocol has another status than HTTP. */
const statuses: Partial<Record<ErrorCode, number>> = { 'function.unknown': 501 };

/** A body of ours: `errorMessage` for what went wrong, `message` else. */
export function ownAnswer(status: number, message: string): Answer {
  const wrong = status >= 400 && status < 600;
  const body = wrong ? { status, errorMessage: message } : { status, message };
  return { status, contentType: json, expiresAt: null, payload: Buffer.from(JSON.stringify(body)) };
}

/** The answer to a call that was refused, or ended without a result. */
export function refusalAnswer(code: ErrorCode, message: string): Answer {
  return ownAnswer(statuses[code] ?? errorTable[code].http, message);
}

/** The answer of a call (A1). */
export function answerOf(kind: OutcomeKind, value: unknown): Answer {
  if (kind !== 'succeeded') return failureAnswer(value);
  const answer = resultAnswer(value);
  if (answer.payload.length > limits.stdioResultBytesMax) {
    const message = `the result takes ${answer.payload.length} bytes`;
    return refusalAnswer('payload.too_large', message);
  }
  if (!breaksFrame(answer.payload)) return answer;
  return refusalAnswer('call.unsafe_result', 'a line of the result would end its frame');
}

function failureAnswer(error: unknown): Answer {
  if (error instanceof HoldfastError) return refusalAnswer(error.code, error.message);
  return refusalAnswer('call.failed', messageOf(error));
}

function messageOf(error: unknown): string {
  try {
    const message = error instanceof Error ? error.message : String(error);
    return message.slice(0, limits.errorMessageCharsMax);
  } catch {
    return 'the handler threw a value that cannot be read';
  }
}

function resultAnswer(value: unknown): Answer {
  if (value === undefined) return ownAnswer(200, 'ok');
  if (value instanceof Reply) {
    const { status, contentType, expiresAt, body } = value;
    const payload = typeof body === 'string' ? Buffer.from(body) : body;
    return { status, contentType, expiresAt, payload };
  }
  try {
    const text = JSON.stringify(value);
    if (text === undefined) throw new HoldfastError('payload.not_json', 'it is no JSON value');
    return { status: 200, contentType: json, expiresAt: null, payload: Buffer.from(text) };
  } catch (error) {
    return ownAnswer(500, `the result cannot be written as JSON: ${messageOf(error)}`);
  }
}

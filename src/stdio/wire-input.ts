/**
 * Owns what a handler gets as its input from a frame: the same value that it would get elsewhere.
 *
 * I1 A JSON body is its value, other text is text, anything else is bytes. Without a body the input
 *    is the words behind the name. All of it stands in `ctx.call` as it came.
 */
import { HoldfastError } from '../core/errors.ts';
import type { WireCall } from './frame-parser.ts';

/** The input of a call. Throws `payload.not_json`. */
export function inputOf({ body, contentType, args }: WireCall): unknown {
  if (body === null) return args;
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json' || type.endsWith('+json')) return jsonOf(body);
  return type.startsWith('text/') ? (utf8Of(body) ?? body) : body;
}

function jsonOf(body: Uint8Array): unknown {
  const text = utf8Of(body);
  if (text === null) throw new HoldfastError('payload.not_json', 'the body is not UTF-8');
  try {
    return JSON.parse(text);
  } catch {
    throw new HoldfastError('payload.not_json', 'the body is no JSON text');
  }
}

function utf8Of(body: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return null;
  }
}

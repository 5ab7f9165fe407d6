/**
 * Owns how values become JSON text, and how large the text may be.
 *
 * J1 What cannot be written as JSON is refused, never changed in silence: the one exception is
 *    `undefined` at the top, which becomes `null`.
 * J2 Sizes are bytes of UTF-8, because that is what is stored.
 */
import { HoldfastError } from './errors.ts';

/** Bytes that the text takes as UTF-8, counted without writing it out. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x80) continue;
    bytes += 1;
    // Both halves of a surrogate pair add one: four bytes for two units.
    if (code >= 0x800 && (code < 0xd800 || code > 0xdfff)) bytes += 1;
  }
  return bytes;
}

/** Whether the text takes more bytes than allowed. Counts only when the length leaves it open. */
const over = (text: string, bytesMax: number): boolean =>
  text.length > bytesMax || (text.length * 3 > bytesMax && utf8Bytes(text) > bytesMax);

/**
 * The JSON text of a value. `what` names it in the message, such as `the input`.
 * Throws `payload.not_json` and `payload.too_large`.
 */
export function jsonText(value: unknown, bytesMax: number, what: string): string {
  const text = value === undefined ? 'null' : written(value, what);
  if (!over(text, bytesMax)) return text;
  const bytes = utf8Bytes(text);
  const message =
    `${what} takes ${bytes} bytes as JSON; ${bytesMax} are allowed. ` +
    'Keep the data elsewhere and pass where it is';
  throw new HoldfastError('payload.too_large', message, { details: { bytes, bytesMax } });
}

function written(value: unknown, what: string): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  if (text !== undefined) return text;
  const why = cause instanceof Error ? `: ${cause.message.split('\n')[0]}` : ` (${typeof value})`;
  throw new HoldfastError('payload.not_json', `${what} cannot be written as JSON${why}`, { cause });
}

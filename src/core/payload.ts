/**
 * Owns how values become JSON text and values again, and how large the text may be.
 *
 * J1 What cannot be written as JSON is refused, never changed in silence: the one exception is
 *    `undefined` at the top, which becomes `null`.
 * J2 Sizes are bytes of UTF-8, because that is what is stored.
 * J3 Stored text is JSON whatever the codec. What is more than plain JSON is an envelope: an object
 *    with the name of its codec as `$hf`. Stored format.
 * J4 No code gets an envelope for a value: what cannot be read throws. Views show it as it is.
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

/** What is more than plain JSON, as it is stored (J3). */
export interface Envelope {
  /** The name of the codec that made it. */
  readonly $hf: string;
  /** The id of the key by which it is sealed. */
  readonly k?: unknown;
  /** Why it could not be opened; never stored. */
  readonly why?: unknown;
}

/** Whether a value that was parsed from JSON is an envelope. */
export const isEnvelope = (value: unknown): value is Envelope =>
  typeof value === 'object' && value !== null && '$hf' in value && typeof value.$hf === 'string';

/**
 * Writes values that plain JSON does not hold. It answers at once; whatever takes time, or needs a
 * secret, is a cipher.
 */
export interface ValueFormat {
  /** The `$hf` of its envelopes. Never changes: it is stored. */
  readonly name: string;
  /**
   * The envelope of a value, without `$hf`; null when plain JSON holds the value. Throws what says
   * in words why the value cannot be written.
   */
  write(value: unknown): Readonly<Record<string, unknown>> | null;
  /** The value of an envelope. Throws when it makes no sense. */
  read(envelope: Readonly<Record<string, unknown>>): unknown;
}

/** How values of one runtime are written and read. */
export class Payloads {
  readonly #format: ValueFormat | null;
  readonly #room: ((bytesMax: number) => number) | null;
  /** Whether the store can compare what is inside of events. */
  readonly comparable: boolean;

  /** `room`: bytes that a text may have so that it is not longer than the bound once sealed. */
  constructor(
    format: ValueFormat | null = null,
    room: ((bytesMax: number) => number) | null = null,
    comparable = true,
  ) {
    this.#format = format;
    this.#room = room;
    this.comparable = comparable;
  }

  /** As `jsonText`. */
  text(value: unknown, bytesMax: number, what: string): string {
    const room = this.#room === null ? bytesMax : this.#room(bytesMax);
    const more = this.#format === null ? null : this.#write(this.#format, value, what);
    return jsonText(more ?? value, room, what);
  }

  /** The value of a stored text. Throws `payload.no_key` and `payload.damaged` (J4). */
  read(text: string): unknown {
    return this.valueOf(JSON.parse(text));
  }

  /** The same of what was parsed already. */
  valueOf(parsed: unknown): unknown {
    if (!isEnvelope(parsed)) return parsed;
    const format = this.#format;
    if (format === null || format.name !== parsed.$hf) throw unreadable(parsed);
    try {
      return format.read(parsed as Envelope & Record<string, unknown>);
    } catch {
      throw unreadable({ ...parsed, why: 'payload.damaged' });
    }
  }

  /** For views: the value, or the envelope that cannot be read. */
  shown(text: string | null): unknown {
    return text === null ? null : this.shownOf(JSON.parse(text));
  }

  /** The same of what was parsed already. */
  shownOf(parsed: unknown): unknown {
    if (!isEnvelope(parsed)) return parsed;
    try {
      return this.valueOf(parsed);
    } catch {
      return parsed;
    }
  }

  #write(format: ValueFormat, value: unknown, what: string): object | null {
    try {
      const envelope = format.write(value);
      return envelope === null ? null : { $hf: format.name, ...envelope };
    } catch (cause) {
      const why = cause instanceof Error ? `: ${cause.message.split('\n')[0]}` : '';
      const message = `${what} cannot be written${why}`;
      throw new HoldfastError('payload.not_json', message, { cause });
    }
  }
}

/** The error of an envelope that no code may get. It tells names, and nothing of what is inside. */
export function unreadable({ $hf, k, why }: Envelope): HoldfastError {
  const key = typeof k === 'string' ? k.slice(0, 100) : null;
  const details = { codec: $hf.slice(0, 100), ...(key === null ? {} : { key }) };
  const by = key === null ? `'${details.codec}'` : `'${details.codec}' under the key '${key}'`;
  if (why === 'payload.damaged') {
    const message = `a value that was written by ${by} is damaged, or is not what stood there`;
    return new HoldfastError('payload.damaged', message, { details });
  }
  const message = `a value was written by ${by}, which this runtime was not given`;
  return new HoldfastError('payload.no_key', message, { details });
}

/** Values as plain JSON. */
export const plainPayloads = new Payloads();

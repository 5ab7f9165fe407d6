/**
 * Owns what is written on standard output: every line that an agent reads.
 *
 * F1 Nothing that came from outside breaks a frame: a payload in which a line could be read as its
 *    end is refused before anything of it is written.
 * F2 A frame is one piece of bytes, so that nothing comes between its lines.
 */
import { limits } from '../core/limits.ts';

/** One answer. */
export interface ResultFrame {
  readonly uid: string;
  readonly status: number;
  readonly contentType: string;
  /** In seconds since 1970. */
  readonly expiresAt: number;
  readonly payload: Uint8Array;
}

const mark = Buffer.from('FUNCTION_RESULT_END');
const trailer = Buffer.from('FUNCTION_RESULT_END\n\n');
const newLine = Buffer.from('\n');

/** What agents take for space before a word, and quotes, which they take off. */
const skipped: ReadonlySet<number> = new Set([...' \t\r\f\v=\'"'].map((one) => one.charCodeAt(0)));
const lf = 0x0a;

/** Whether a line of the payload begins like the end of a frame (F1). */
export function breaksFrame(payload: Uint8Array): boolean {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + 1)) {
    let before = at - 1;
    while (before >= 0 && skipped.has(bytes[before] ?? lf)) before -= 1;
    if (before < 0 || bytes[before] === lf) return true;
  }
  return false;
}

/** The frame of an answer (F2). */
export function resultFrame(frame: ResultFrame): Buffer {
  const { uid, status, contentType, expiresAt, payload } = frame;
  const head = `FUNCTION_RESULT_BEGIN ${uid} ${status} ${contentType} ${expiresAt}\n`;
  if (payload.length === 0) return Buffer.concat([Buffer.from(head), trailer]);
  return Buffer.concat([Buffer.from(head), payload, newLine, trailer]);
}

/** How far a call has come; `all` 0: nobody knows how far it goes. */
export const progressLine = (uid: string, done: number, all: number): string =>
  `FUNCTION_PROGRESS ${uid} ${whole(done)} ${whole(all)}\n`;

const whole = (value: number): number =>
  Number.isFinite(value) ? Math.min(Math.max(0, Math.trunc(value)), Number.MAX_SAFE_INTEGER) : 0;

/** A function as it is registered. */
export interface Registered {
  readonly name: string;
  readonly version: string;
  readonly help: string;
  readonly tags: string;
  readonly terms: { readonly timeoutMs: number; readonly access: number };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsafeName = /[\u0000-\u0020\u007f"\\]/;
const priority = 100;

/** Whether an agent would take the name: newer ones keep `config` for themselves. */
export const isRegistrable = (name: string): boolean =>
  !unsafeName.test(name) && name !== 'config' && Buffer.byteLength(name) <= limits.keyCharsMax;

/** The line that registers a function. */
export function registerLine({ name, version, help, tags, terms }: Registered): string {
  const { stdioTimeoutSecondsMax: most } = limits;
  const seconds = Math.min(Math.max(1, Math.ceil(terms.timeoutMs / 1_000)), most);
  const access = `0x${terms.access.toString(16).padStart(4, '0')}`;
  const number = /^\d{1,9}$/.test(version) ? Number(version) : 0;
  const told = `"${help}" "${tags}" ${access} ${priority} ${number}`;
  return `FUNCTION GLOBAL "${name}" ${seconds} ${told}\n`;
}

/** The line that takes a function away. */
export const withdrawLine = (name: string): string => `FUNCTION_DEL GLOBAL "${name}"\n`;

/** Says that we live. */
export const keepalive = '\n';

/**
 * Owns the command lines of the protocol: their words, and what a call says of itself.
 *
 * L1 A word is what stands between spaces, or between quotes; a quote within quotes is written
 *    twice. Backslashes, single quotes and tabs are plain text.
 * L2 Of a line that breaks a rule at most its uid is kept, and that only if it can be written back
 *    without breaking a line of ours.
 */
import { limits } from '../core/limits.ts';

/** What a call says of itself. */
export interface CallHeader {
  readonly uid: string;
  readonly timeoutSeconds: number;
  readonly name: string;
  readonly args: readonly string[];
  /** Bits of access; 0 if none were said, or not understood. */
  readonly access: number;
  readonly source: string;
  readonly contentType: string | null;
  /** Words on the line: 4 of old agents, 6 or 7 of others. */
  readonly words: number;
}

/** A header, or why there is none. */
export type ReadHeader =
  | { readonly ok: true; readonly header: CallHeader }
  | { readonly ok: false; readonly uid: string | null; readonly why: string };

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The text of a line. */
export const textOf = (line: Uint8Array): string => decoder.decode(line);

/** The words of a line (L1); null: a quote is not closed, or stands within a word. */
function wordsOf(line: string): readonly string[] | null {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (line[at] === ' ') at += 1;
    if (at >= line.length) return words;
    if (line[at] === '"') {
      const read = quoted(line, at + 1);
      if (read === null) return null;
      words.push(read.word);
      at = read.next;
      if (at < line.length && line[at] !== ' ') return null;
      continue;
    }
    const space = line.indexOf(' ', at);
    const end = space === -1 ? line.length : space;
    const word = line.slice(at, end);
    if (word.includes('"')) return null;
    words.push(word);
    at = end;
  }
}

function quoted(line: string, from: number): { word: string; next: number } | null {
  let word = '';
  for (let at = from; ; ) {
    const quote = line.indexOf('"', at);
    if (quote === -1) return null;
    word += line.slice(at, quote);
    if (line[quote + 1] !== '"') return { word, next: quote + 1 };
    word += '"';
    at = quote + 2;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsafeUid = /[\u0000-\u0020\u007f-\u009f=\u2028\u2029\ufffd"'\\]/;

/** Whether a uid can be written back (L2). */
export function isSafeUid(uid: string): boolean {
  if (uid === '' || uid.length > limits.stdioUidBytesMax || unsafeUid.test(uid)) return false;
  return new TextEncoder().encode(uid).length <= limits.stdioUidBytesMax;
}

const wordCounts: readonly number[] = [4, 6, 7];

/** Reads a FUNCTION or FUNCTION_PAYLOAD line. */
export function readHeader(line: string): ReadHeader {
  const words = wordsOf(line);
  if (words === null) return { ok: false, uid: salvagedUid(line), why: 'its quotes do not match' };
  const [keyword, uid = '', timeout = '', called = '', access = '', source = '', type] = words;
  const known = isSafeUid(uid) ? uid : null;
  const wrong = (why: string): ReadHeader => ({ ok: false, uid: known, why });
  if (known === null) return wrong('its uid is missing, too long or not safe');
  if (!wordCounts.includes(words.length)) return wrong(`it has ${words.length} words`);
  if (keyword === 'FUNCTION_PAYLOAD' && words.length === 4) return wrong('it has 4 words');
  const timeoutSeconds = secondsOf(timeout);
  if (timeoutSeconds === null) return wrong('its timeout is no whole number of seconds');
  const [name, ...args] = called.split(' ').filter((word) => word !== '');
  if (name === undefined) return wrong('it names no function');
  return {
    ok: true,
    header: {
      ...{ uid, timeoutSeconds, name, args, source },
      access: accessOf(access),
      contentType: type ?? null,
      words: words.length,
    },
  };
}

/** The uid of a line that is cut or broken: its second word, if that is whole and safe. */
export function salvagedUid(line: string): string | null {
  const [, plain, inQuotes] =
    /^FUNCTION(?:_PAYLOAD)? +(?:([^ "]+)|"([^"]*)")(?= )/.exec(line) ?? [];
  const uid = plain ?? inQuotes ?? '';
  return isSafeUid(uid) ? uid : null;
}

const secondsMax = 9_223_372_036_854_775_807n;

/** 0 and whatever is more than the bound mean the bound. */
function secondsOf(text: string): number | null {
  if (!/^\d{1,40}$/.test(text) || BigInt(text) > secondsMax) return null;
  const { stdioTimeoutSecondsMax: most } = limits;
  const seconds = Number(text);
  return seconds === 0 || seconds > most ? most : seconds;
}

function accessOf(text: string): number {
  return /^0x[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : 0;
}

/** The uid of a line that names nothing else, such as FUNCTION_CANCEL; null: it is not so. */
export function uidOf(line: string, counts: readonly number[]): string | null {
  const words = wordsOf(line);
  if (words === null || !counts.includes(words.length)) return null;
  const [, uid = ''] = words;
  return isSafeUid(uid) ? uid : null;
}

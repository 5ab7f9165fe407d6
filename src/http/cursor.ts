/**
 * Owns cursors as they leave the process: opaque, and of one list.
 *
 * C1 A cursor says which list it is of: given to another one it is refused, since it would skip
 *    rows there in silence.
 */
import { createHash } from 'node:crypto';
import { invalid } from '../core/check.ts';
import { type Digestible, digestOf } from '../core/digest.ts';

const markOf = (list: Digestible): string =>
  createHash('sha256').update(digestOf(list)).digest('base64url').slice(0, 11);

/** A cursor of a list, by what the list was asked for. */
export const cursorOf = (list: Digestible, next: string): string =>
  Buffer.from(`${markOf(list)}${next}`).toString('base64url');

/** Where the list goes on. Throws `request.invalid` (C1). */
export function readCursor(list: Digestible, cursor: string): string {
  const mark = markOf(list);
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  if (text.startsWith(mark) && /^\d{1,16}$/.test(text.slice(mark.length))) {
    return text.slice(mark.length);
  }
  throw invalid('cursor', cursor, "give the 'next' of the page before, and the same filter");
}

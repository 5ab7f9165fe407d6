/**
 * Owns where a sealed text stands, and whether it may be opened there.
 *
 * P1 Beside a sealed text stands the mark of whose it is (`r`). It is authenticated with the text,
 *    so it cannot be changed; a text whose mark is another is refused.
 * P2 But a run that was made from another one (a retry, a fork) has texts of that one, and of those
 *    before it. The store copies them without a key, so their marks stay. What else a text is for,
 *    the function and tenant of an input or the key of a step, must fit all the same.
 * P3 A mark is a digest of an id, so that its length does not depend on it. Ids are no secrets.
 * P4 The input of a debounced start may become that of a run of another id: it is sealed for its
 *    function and tenant alone, and may stand in any run of theirs.
 */
import { createHash } from 'node:crypto';
import type { Envelope } from '../../core/payload.ts';

/** Where a text stands. */
export interface Spot {
  /** The id of its run or of its event, or the token of a decision; null: it is not known. */
  readonly of: string | null;
  /** What else it is for. */
  readonly what?: string;
  /** P2: the store says that its run was made from another one. */
  readonly copied?: boolean;
  /** P4: whose it may be as well. */
  readonly shared?: string;
}

const markBytes = 16;
/** In the envelope. */
const field = 'r';

/** What a mark takes of the room of a sealed text. */
export const markRoom = `,"${field}":""`.length + Math.ceil((markBytes * 4) / 3);

export const markOf = (id: string): string =>
  createHash('sha256').update(id).digest().subarray(0, markBytes).toString('base64url');

/** The word of the place that a cipher authenticates. */
export const placeOf = (mark: string, { what = '' }: Spot): string => JSON.stringify([mark, what]);

/** A sealed text with its mark. */
export const marked = (sealed: string, mark: string): string =>
  `${sealed.slice(0, -1)},"${field}":"${mark}"}`;

/** The mark of an envelope, or null: it was sealed before there were marks. */
export function markIn(envelope: Envelope): string | null {
  const mark = (envelope as unknown as Readonly<Record<string, unknown>>)[field];
  return typeof mark === 'string' ? mark : null;
}

/** P1, P2, P4 */
export const mayStand = (mark: string, { of, copied = false, shared }: Spot): boolean =>
  copied ||
  (of !== null && mark === markOf(of)) ||
  (shared !== undefined && mark === markOf(shared));

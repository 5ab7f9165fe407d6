/**
 * Owns how a part is written as text: in the store, and wherever else JSON goes.
 *
 * W1 A text is itself. Bytes are an object whose `b` is their base64, so that nothing that a text
 *    may hold is taken for them.
 */
import { HoldfastError } from '../core/errors.ts';
import { isEnvelope, unreadable } from '../core/payload.ts';
import type { PartData } from '../ports/store-parts.ts';

/** The JSON text of a part. */
export const partText = (part: PartData): string =>
  typeof part === 'string' ? JSON.stringify(part) : `{"b":"${base64Of(part)}"}`;

/** Bytes as base64. */
export const base64Of = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

/** The parts of a block. Throws `payload.no_key` and `payload.damaged` for one that is sealed. */
export function partsIn(content: string): readonly PartData[] {
  const parsed: unknown = JSON.parse(content);
  if (isEnvelope(parsed)) throw unreadable(parsed);
  const parts = parsed as readonly (string | { readonly b: string })[];
  return parts.map((part) =>
    typeof part === 'string' ? part : new Uint8Array(Buffer.from(part.b, 'base64')),
  );
}

/** A part as one may be given; throws `request.invalid` for anything else. */
export function checkedPart(part: unknown): PartData {
  if (typeof part === 'string' || part instanceof Uint8Array) return part;
  const kind = part === null ? 'null' : typeof part;
  throw new HoldfastError('request.invalid', `a part is a text or a Uint8Array, not ${kind}`, {
    details: { kind },
  });
}

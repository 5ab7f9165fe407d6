/**
 * Owns cursors as they leave the process: sealed, and of one list.
 *
 * C1 A cursor tells nothing. Where a list goes on is the number of a run, which counts those of all
 *    tenants; its length is not to be seen, either.
 * C2 It is of one list, as one tenant sees it: given to another one it is refused, since it would
 *    skip rows there in silence.
 * C3 The servers of one store take each other's. Their secret is asked for by whoever needs it
 *    first, and is nowhere but in the store and in the memory of those servers.
 * C4 The nonce is made of what is sealed, so that none is used for two contents; the same place of
 *    the same list has the same cursor.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { invalid } from '../core/check.ts';
import { type Digestible, digestOf } from '../core/digest.ts';

const cipherName = 'aes-256-gcm';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
/** A 64-bit number, whatever it is (C1). */
const placeBytes = 8;
/** Of a whole cursor in base64url, which these bytes fill without a rest. */
const cursorChars = ((nonceBytes + placeBytes + tagBytes) / 3) * 4;

/** What a list is: its name, whose key looks at it, and what it was asked for. */
export interface CursorList {
  readonly list: string;
  /** Null: it is seen with all tenants. */
  readonly tenant: string | null;
  readonly of: Digestible;
}

interface SealKeys {
  readonly cipher: Buffer;
  readonly nonce: Buffer;
}

/** Seals the cursors of one server. */
export class Cursors {
  readonly #secret: () => Promise<string>;
  #keys: Promise<SealKeys> | null = null;

  /** `secret` is asked until it was given once. */
  constructor(secret: () => Promise<string>) {
    this.#secret = secret;
  }

  /** The cursor of a place in a list. Rejects with the fault of the store (C3). */
  async seal(list: CursorList, next: string): Promise<string> {
    const keys = await this.#open();
    const context = contextOf(list);
    const place = Buffer.alloc(placeBytes);
    place.writeBigUInt64BE(BigInt(next));
    const nonce = nonceOf(keys, context, place);
    const cipher = createCipheriv(cipherName, keys.cipher, nonce).setAAD(context);
    const sealed = [cipher.update(place), cipher.final(), cipher.getAuthTag()];
    return Buffer.concat([nonce, ...sealed]).toString('base64url');
  }

  /** Where the list goes on. Rejects with `request.invalid` (C2), and the fault of the store. */
  async open(list: CursorList, cursor: string): Promise<string> {
    const place = opened(await this.#open(), contextOf(list), cursor);
    if (place !== null) return String(place.readBigUInt64BE());
    throw invalid('cursor', cursor, "give the 'next' of the page before, and the same filter");
  }

  async #open(): Promise<SealKeys> {
    this.#keys ??= this.#secret()
      .then(keysOf)
      .catch((error: unknown) => {
        this.#keys = null;
        throw error;
      });
    return this.#keys;
  }
}

/** What a cursor is bound to. */
const contextOf = ({ list, tenant, of }: CursorList): Buffer =>
  Buffer.from(digestOf([list, tenant, of]), 'utf8');

/** One secret, a key for each use. */
function keysOf(secret: string): SealKeys {
  const keyFor = (use: string): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, '', `holdfast cursor ${use}`, keyBytes));
  return { cipher: keyFor('cipher'), nonce: keyFor('nonce') };
}

/** C4. The length of the place is fixed, so that it and the context are told apart. */
const nonceOf = ({ nonce }: SealKeys, context: Buffer, place: Buffer): Buffer =>
  createHmac('sha256', nonce).update(place).update(context).digest().subarray(0, nonceBytes);

/** The place in a cursor; null: it is none of ours, or of another list. */
function opened({ cipher }: SealKeys, context: Buffer, cursor: string): Buffer | null {
  const bytes = Buffer.from(cursor, 'base64url');
  if (cursor.length !== cursorChars || bytes.toString('base64url') !== cursor) return null;
  const nonce = bytes.subarray(0, nonceBytes);
  const decipher = createDecipheriv(cipherName, cipher, nonce, { authTagLength: tagBytes })
    .setAAD(context)
    .setAuthTag(bytes.subarray(-tagBytes));
  try {
    const place = decipher.update(bytes.subarray(nonceBytes, -tagBytes));
    return Buffer.concat([place, decipher.final()]);
  } catch {
    return null;
  }
}

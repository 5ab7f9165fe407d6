/**
 * Owns the cipher of the product: AES-256-GCM, by keys that the caller holds.
 *
 * G1 New texts are sealed by the first key; texts of every key of the list are opened.
 * G2 A key that is given is never used itself: what seals, and what makes nonces, is derived from
 *    it (HKDF). Neither is shown by errors, by inspection or by JSON.
 * G3 A nonce is chance, or, for a text that must be sealed alike twice, a digest under a key of the
 *    text with its purpose: two texts share a nonce no sooner than by chance.
 * G4 The purpose, the place and the id of the key are authenticated with the text.
 * G5 What was sealed in the first form, which knew no places, is opened, and never made again.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { checkKey, checkOptions, invalid } from '../../core/check.ts';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import { isEnvelope, unreadable } from '../../core/payload.ts';
import type { Cipher, EarlierText, Purpose } from '../../ports/cipher.ts';
import { randomText } from '../../system/secret.ts';

const name = 'aes-256-gcm';
/** The form of what is sealed now. That of before has no number. */
const form = 2;
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const blindBytes = 16;
const keysMax = 100;
const nonceChars = 16;

/** A key with the name by which sealed texts tell it. */
export interface SealingKey {
  /** Stands beside every text that it seals, for all to see. */
  readonly id: string;
  /** 32 bytes of chance, or these as base64 or hex. */
  readonly key: Uint8Array | string;
}

/** The keys of `aesGcm`. */
export interface AesGcmOptions {
  /** The first one seals; all of them open. At most 100. */
  readonly keys: readonly SealingKey[];
  /**
   * 32 bytes of chance that stay the same when keys change. By it the store compares what a
   * `ctx.waitFor` matches with what is inside of events, without knowing either. Without it a
   * `match` is refused.
   */
  readonly matchKey?: Uint8Array | string;
}

interface Pair {
  readonly id: string;
  readonly seals: KeyObject;
  readonly nonces: KeyObject;
}

/**
 * Keeps payloads secret from the store and everybody who reads it: inputs, results, progress, what
 * steps give, data of events and decisions, words of errors, log lines. Throws `request.invalid`
 * and `key.invalid`.
 *
 * @example
 * const cipher = aesGcm({ keys: [{ id: '2026-11', key: process.env.HOLDFAST_KEY ?? '' }] });
 * await using hf = await Holdfast.open({ store: './jobs.db', codec: { cipher } });
 */
export function aesGcm(options: AesGcmOptions): Cipher {
  checkOptions('aesGcm', options, ['keys', 'matchKey']);
  const { keys, matchKey } = options;
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > keysMax) {
    const rule = `it must be an array of 1 to ${keysMax} keys`;
    throw new HoldfastError('request.invalid', `keys of aesGcm: ${rule}`);
  }
  const pairs = new Map<string, Pair>();
  for (const { id, key } of keys) {
    checkKey('the id of a key', id, limits.tagCharsMax);
    if (pairs.has(id)) throw invalid('keys', id, 'two keys have this id');
    const given = bytesOf(`the key '${id}'`, key);
    pairs.set(id, { id, seals: derived(given, 'seal'), nonces: derived(given, 'nonce') });
  }
  const match = matchKey === undefined ? null : derived(bytesOf('matchKey', matchKey), 'match');
  return new AesGcm([...pairs.values()], match);
}

/** A wrong key is never shown. */
function bytesOf(what: string, given: unknown): Uint8Array {
  let bytes: Uint8Array | null = null;
  if (given instanceof Uint8Array) bytes = given;
  else if (typeof given === 'string') {
    bytes = Buffer.from(given, /^[0-9a-f]{64}$/i.test(given) ? 'hex' : 'base64');
  }
  if (bytes?.length === keyBytes) return bytes;
  const message = `${what} must be ${keyBytes} bytes, or these as base64 or hex`;
  throw new HoldfastError('request.invalid', message);
}

const derived = (key: Uint8Array, use: string): KeyObject =>
  createSecretKey(Buffer.from(hkdfSync('sha256', key, '', `holdfast ${use}`, keyBytes)));

/** What is authenticated with a text. A place of null: the first form. */
const dataOf = (purpose: Purpose, id: string, place: string | null): Buffer =>
  Buffer.from(
    JSON.stringify(
      place === null ? ['holdfast', 1, purpose, id] : ['holdfast', form, purpose, id, place],
    ),
  );

class AesGcm implements Cipher {
  readonly name = name;
  readonly blind: Cipher['blind'];
  readonly #first: Pair;
  readonly #pairs: ReadonlyMap<string, Pair>;

  constructor(pairs: readonly Pair[], match: KeyObject | null) {
    const [first] = pairs;
    if (first === undefined) throw new HoldfastError('internal.defect', 'no key was given');
    this.#first = first;
    this.#pairs = new Map(pairs.map((pair) => [pair.id, pair]));
    this.blind =
      match === null
        ? null
        : (text) =>
            createHmac('sha256', match)
              .update(text)
              .digest()
              .subarray(0, blindBytes)
              .toString('base64url');
  }

  room(sealedBytesMax: number): number {
    let idBytes = 0;
    for (const id of this.#pairs.keys()) {
      idBytes = Math.max(idBytes, Buffer.byteLength(JSON.stringify(id)));
    }
    const around = `{"$hf":"${name}","v":${form},"k":,"n":"","d":""}`.length + idBytes + nonceChars;
    return Math.max(0, Math.floor(((sealedBytesMax - around) * 3) / 4) - tagBytes - 2);
  }

  seal(text: string, purpose: Purpose, same: string | null, place: string): string {
    return sealed(this.#first, text, { purpose, same, place });
  }

  earlier(text: string, purpose: Purpose, same: string, place: string): readonly EarlierText[] {
    const all = [...this.#pairs.values()];
    const others = all.filter((pair) => pair !== this.#first);
    return [
      ...others.map((pair) => ({
        sealed: sealed(pair, text, { purpose, same, place }),
        placed: true,
      })),
      ...all.map((pair) => ({
        sealed: sealed(pair, text, { purpose, same, place: null }),
        placed: false,
      })),
    ];
  }

  open(text: string, purpose: Purpose, place: string): string {
    const envelope: unknown = JSON.parse(text);
    if (!isEnvelope(envelope)) throw new HoldfastError('payload.damaged', 'it is not sealed');
    const { k, n, d, v } = envelope as typeof envelope & Readonly<Record<'n' | 'd' | 'v', unknown>>;
    const pair = envelope.$hf === name && typeof k === 'string' ? this.#pairs.get(k) : undefined;
    if (pair === undefined) throw unreadable({ ...envelope, why: 'payload.no_key' });
    try {
      return opened(
        pair,
        String(n),
        String(d),
        dataOf(purpose, pair.id, v === form ? place : null),
      );
    } catch {
      throw unreadable({ ...envelope, why: 'payload.damaged' });
    }
  }
}

/** For what a text is sealed. A place of null: in the first form. */
interface Sealed {
  readonly purpose: Purpose;
  readonly same: string | null;
  readonly place: string | null;
}

function sealed(pair: Pair, text: string, { purpose, same, place }: Sealed): string {
  // G3
  const alike = place === null ? [purpose, same, text] : [purpose, same, text, place];
  const nonce =
    same === null
      ? Buffer.from(randomText(nonceBytes, 'base64url'), 'base64url')
      : createHmac('sha256', pair.nonces)
          .update(JSON.stringify(alike))
          .digest()
          .subarray(0, nonceBytes);
  const cipher = createCipheriv(name, pair.seals, nonce);
  cipher.setAAD(dataOf(purpose, pair.id, place));
  const bytes = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  const id = JSON.stringify(pair.id);
  const [n, d] = [nonce.toString('base64url'), bytes.toString('base64url')];
  const version = place === null ? '' : `"v":${form},`;
  return `{"$hf":"${name}",${version}"k":${id},"n":"${n}","d":"${d}"}`;
}

function opened(pair: Pair, n: string, d: string, data: Buffer): string {
  const nonce = Buffer.from(n, 'base64url');
  const bytes = Buffer.from(d, 'base64url');
  // A shorter tag would be easier to guess.
  const decipher = createDecipheriv(name, pair.seals, nonce, { authTagLength: tagBytes });
  decipher.setAAD(data);
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  const text = Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]);
  return text.toString('utf8');
}

/**
 * Owns access keys as users see them: made, shown once, looked at, revoked, and recognised; and the
 * secret by which the servers of one store seal cursors.
 *
 * K1 A key is 256 random bits, as that secret is. So one round of SHA-256 keeps it: there is no
 *    list of likely keys to try, which is all that a slow or salted digest hinders, and each
 *    request would pay for it.
 * K2 The key leaves this file once, with what `create` gives; no error and no log holds it.
 * K3 Recognising takes the same time wherever a wrong key differs from a right one. The id is no
 *    secret, so looking it up may take what it takes.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type KeyScope, keyScopes } from '../core/access.ts';
import { checkKey, checkOptions, checkWord } from '../core/check.ts';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { WallMs } from '../core/time.ts';
import type { KeyRow } from '../ports/store-keys.ts';
import { randomText } from '../system/secret.ts';
import type { Lifeline } from './lifeline.ts';

const idBytes = 8;
const secretBytes = 32;
/** What a key looks like. Format of what users hold: it must not change. */
const pattern = /^hf_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** What a key may do, and for whom. */
export interface KeyOptions {
  /** What people call it, such as the program that holds it. */
  readonly name: string;
  /** `read`, `start`, `operate` or `admin`; each includes those before it. Default: `start`. */
  readonly scope?: KeyScope;
  /** It sees and starts runs of this tenant alone. Default: it sees the whole store. */
  readonly tenant?: string;
}

/** A key, without its secret. */
export interface KeyView {
  readonly id: string;
  readonly name: string;
  readonly scope: KeyScope;
  readonly tenant: string | null;
  readonly createdAt: WallMs;
  /** When it was used, to the minute; null: never. */
  readonly usedAt: WallMs | null;
}

/** Access keys of a store: they let programs in through the HTTP API. */
export class Keys {
  readonly #lifeline: Lifeline;

  constructor(lifeline: Lifeline) {
    this.#lifeline = lifeline;
  }

  /**
   * Makes a key and gives it: `key` is shown this once and kept nowhere. Rejects with `auth.full`
   * when the store has 1,000.
   */
  async create(options: KeyOptions): Promise<{ readonly id: string; readonly key: string }> {
    checkOptions('the key', options, ['name', 'scope', 'tenant']);
    const { scope = 'start', tenant } = options;
    const name = checkKey('name', options.name, limits.keyCharsMax);
    checkWord('scope', scope, keyScopes);
    if (tenant !== undefined) checkKey('tenant', tenant, limits.keyCharsMax);
    const id = randomText(idBytes, 'hex');
    const secret = randomText(secretBytes, 'base64url');
    const row = { id, name, hash: digestOf(secret), scope, tenant: tenant ?? null };
    const verdict = await this.#store().putKey(row);
    if (verdict.ok) return { id, key: `hf_${id}_${secret}` };
    throw new HoldfastError(verdict.code, verdict.message);
  }

  /** Every key, by id, without secrets. */
  async list(): Promise<readonly KeyView[]> {
    return (await this.#store().keys()).map(({ hash, ...view }) => view);
  }

  /** Forgets a key: servers refuse it within a second. Rejects with `auth.unknown_key`. */
  async revoke(id: string): Promise<void> {
    checkKey('id', id, limits.keyCharsMax);
    if (await this.#store().revokeKey(id)) return;
    const message = `no access key has the id '${id}'`;
    throw new HoldfastError('auth.unknown_key', message, { details: { id } });
  }

  /** What recognises keys: the rows with their digests, for the servers of this package. */
  async rows(): Promise<readonly KeyRow[]> {
    return this.#store().keys();
  }

  /** Says that a key was used; the store writes that down once a minute at most. */
  async touch(id: string): Promise<void> {
    await this.#store().touchKey(id);
  }

  /**
   * The secret that all servers of the store share, for those of this package. Whoever asks first
   * makes it (K1); no error and no log holds it.
   */
  async cursorSecret(): Promise<string> {
    return this.#store().secret('cursors', randomText(secretBytes, 'base64url'));
  }

  #store() {
    return this.#lifeline.ensureOpen().engine.world.store;
  }
}

const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Compared with when no key has the id, so that this takes as long. */
const nobody = digestOf('');

/** The row of a key, or null if it is none of these (K3). */
export function recognised(key: string, rows: ReadonlyMap<string, KeyRow>): KeyRow | null {
  const [, id = '', secret = ''] = pattern.exec(key) ?? [];
  const row = rows.get(id) ?? null;
  const hash = Buffer.from(row?.hash ?? nobody, 'hex');
  const given = Buffer.from(digestOf(secret), 'hex');
  const same = hash.length === given.length && timingSafeEqual(hash, given);
  return same && secret !== '' ? row : null;
}

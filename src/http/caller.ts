/**
 * Owns who asks: the key of a request, and what it may see.
 *
 * C1 Keys are read again after `freshMs`, counted from before the reading: what was revoked is
 *    refused within a second. If they cannot be read, nobody is let in.
 * C2 Once the server has seen a key in the store it asks everybody for one, until it ends: to
 *    revoke the last key does not open the door.
 * C3 That a key was used is told to the store once a minute, and nobody waits for it.
 * C4 Without a key a page gets in only from the server's own origin, or from one that was named: a
 *    browser sends a POST without a body for any page, and keeps back the answer alone.
 */
import { includesScope, type KeyScope } from '../core/access.ts';
import { HoldfastError } from '../core/errors.ts';
import type { MonoMs } from '../core/time.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyRow } from '../ports/store-keys.ts';
import { type Keys, recognised } from '../runtime/keys.ts';
import { isLoopback } from './address.ts';
import type { HttpSettings } from './options.ts';

/** Whoever asks, and what it may. */
export interface Caller {
  /** Id of its key, or null. */
  readonly key: string | null;
  readonly scope: KeyScope;
  /** The one tenant that it sees; null: the whole store. */
  readonly tenant: string | null;
}

const freshMs = 500;
const lateMs = 50;
const touchEveryMs = 60_000;
const bearer = /^bearer +(\S+) *$/i;

const anonymous: Caller = { key: null, scope: 'admin', tenant: null };

/** What of a request says who asks. */
export interface Credentials {
  readonly authorization: string | undefined;
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

/** The keys of one store, as a server uses them. */
export class KeyRing {
  readonly #keys: Keys;
  readonly #clock: Clock;
  readonly #settings: HttpSettings;
  readonly #touched = new Map<string, MonoMs>();
  #rows: ReadonlyMap<string, KeyRow> = new Map();
  #readAt: MonoMs | null = null;
  #reading: Promise<void> | null = null;
  #closed = false;

  constructor(keys: Keys, clock: Clock, settings: HttpSettings) {
    this.#keys = keys;
    this.#clock = clock;
    this.#settings = settings;
  }

  /** Whether there is any key. */
  async any(): Promise<boolean> {
    await this.#fresh();
    return this.#rows.size > 0;
  }

  /** Throws `auth.missing`, `http.wrong_host`, `http.wrong_origin`, or the store's fault. */
  async callerOf(credentials: Credentials): Promise<Caller> {
    const { authorization } = credentials;
    const { allowAnonymous } = this.#settings;
    if (authorization === undefined && allowAnonymous === true) return this.#open(credentials);
    await this.#fresh();
    if (authorization === undefined) {
      if (allowAnonymous === null && !this.#closed) return this.#open(credentials);
      const message = 'give an access key: Authorization: Bearer hf_...';
      throw new HoldfastError('auth.missing', message);
    }
    const [, given = ''] = bearer.exec(authorization) ?? [];
    const row = recognised(given, this.#rows) ?? (await this.#late(given));
    if (row === null) {
      throw new HoldfastError('auth.missing', 'the access key is none of this store');
    }
    this.#touch(row.id);
    return { key: row.id, scope: row.scope, tenant: row.tenant };
  }

  /** Whether who was let in would be let in still. */
  async letsInStill({ key }: Caller): Promise<boolean> {
    const { allowAnonymous } = this.#settings;
    if (key === null && allowAnonymous === true) return true;
    await this.#fresh();
    return key === null ? allowAnonymous === null && !this.#closed : this.#rows.has(key);
  }

  /** Without keys a web page must not get in by giving its own name our address. */
  #open({ host = 'localhost', origin }: Credentials): Caller {
    const { loopback, hostNames, corsOrigins } = this.#settings;
    const name = host.replace(/:\d*$/, '').toLowerCase();
    if (loopback && !isLoopback(name) && !hostNames.has(name)) {
      const message = "without a key, call it by '127.0.0.1' or 'localhost', or add to hostNames";
      throw new HoldfastError('http.wrong_host', message);
    }
    // C4
    if (origin === undefined || corsOrigins.has(origin) || isOwn(origin, host)) return anonymous;
    const message = 'without a key, pages of other origins are refused; see corsOrigins';
    throw new HoldfastError('http.wrong_origin', message);
  }

  /** A key that is not known may have been made since. Guessing costs a look in `lateMs`. */
  async #late(given: string): Promise<KeyRow | null> {
    await this.#fresh(lateMs);
    return recognised(given, this.#rows);
  }

  /** C1. Many requests in one moment are one look. */
  async #fresh(ageMsMax = freshMs): Promise<void> {
    const now = this.#clock.mono();
    if (this.#readAt !== null && now - this.#readAt < ageMsMax) return;
    this.#reading ??= this.#read(now).finally(() => {
      this.#reading = null;
    });
    await this.#reading;
  }

  async #read(startedAt: MonoMs): Promise<void> {
    const rows = await this.#keys.rows();
    this.#rows = new Map(rows.map((row) => [row.id, row]));
    this.#readAt = startedAt;
    this.#closed ||= rows.length > 0;
    for (const id of this.#touched.keys()) if (!this.#rows.has(id)) this.#touched.delete(id);
  }

  /** C3 */
  #touch(id: string): void {
    const now = this.#clock.mono();
    const last = this.#touched.get(id);
    if (last !== undefined && now - last < touchEveryMs) return;
    this.#touched.set(id, now);
    this.#keys.touch(id).catch((error: unknown) => {
      this.#settings.log.log('debug', 'the use of a key was not noted', { error: String(error) });
    });
  }
}

/** Whether a page came from where it asks now. What ends TLS in front of us keeps the name. */
function isOwn(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, host: own } = new URL(origin);
  const asked = `${protocol}//${host}`;
  return own !== '' && URL.canParse(asked) && new URL(asked).host === own;
}

/** Throws `auth.denied` if the caller's scope does not include what is asked for. */
export function checkScope(caller: Caller, asked: KeyScope): void {
  if (includesScope(caller.scope, asked)) return;
  const message = `this takes a key of scope '${asked}'; the key has '${caller.scope}'`;
  throw new HoldfastError('auth.denied', message, { details: { scope: asked } });
}

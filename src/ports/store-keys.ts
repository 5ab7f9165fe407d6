/**
 * Owns the words in which access keys are kept: who may call from outside.
 *
 * K1 A key is kept as a digest of its secret; the secret itself is nowhere but with its holder.
 * K2 When a key was used is written at most once a minute, so that reading stays reading.
 * K3 A secret is made outside, kept once, and never changed: whoever asks for it gets the same.
 */
import type { KeyScope } from '../core/access.ts';
import type { WallMs } from '../core/time.ts';
import type { Verdict } from './store-verdict.ts';

/** A key to keep. */
export interface NewKey {
  /** Names it in the open; stands in the key itself, before the secret. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  /** SHA-256 of the secret, in hex. Stored format. */
  readonly hash: string;
  readonly scope: KeyScope;
  /** It sees this tenant alone. Null: it sees the whole store. */
  readonly tenant: string | null;
}

/** A key as it is kept. */
export interface KeyRow extends NewKey {
  readonly createdAt: WallMs;
  /** When it was used, to the minute; null: never. */
  readonly usedAt: WallMs | null;
}

/** `auth.full`: the store has as many keys as its limit. */
export type PutKeyVerdict = Verdict<object, 'auth.full'>;

/** What the store keeps a secret for. `cursors`: what seals those of lists. Stored format. */
export type SecretName = 'cursors';

/** The verbs over keys; a part of the port `Store`. */
export interface KeyVerbs {
  /** Keeps a new key. Asking again with the same key is the same key. */
  putKey(key: NewKey): Promise<PutKeyVerdict>;
  /** Every key, by id. */
  keys(): Promise<readonly KeyRow[]>;
  /** Forgets a key for good; false: there was none. */
  revokeKey(id: string): Promise<boolean>;
  /** Says that a key was used (K2). One that was revoked meanwhile is no matter. */
  touchKey(id: string): Promise<void>;
  /** The secret of that name: the one that is kept, or the proposed one, which is from then on. */
  secret(name: SecretName, proposed: string): Promise<string>;
}

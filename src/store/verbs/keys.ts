/**
 * Owns access keys: how many there may be, and how coarsely their use is written down; and the
 * secrets that all users of a store share.
 */
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import { wallPlus } from '../../core/time.ts';
import type { KeyRow, NewKey, PutKeyVerdict, SecretName } from '../../ports/store-keys.ts';
import type { Txn } from './txn.ts';

/** Between two writings of when a key was used. */
export const usedEveryMs = 60_000;

/** The refusal of one key too many. */
export const keysFull: PutKeyVerdict = {
  ok: false,
  code: 'auth.full',
  message: `the store has ${limits.keysMax} access keys, as many as it may; revoke one`,
};

/** The defect of an id that was drawn twice. */
export const keyTaken = (id: string): HoldfastError =>
  new HoldfastError('internal.defect', `the id ${id} belongs to another key`);

/** Keeps a new key. */
export function putKey(txn: Txn, key: NewKey): PutKeyVerdict {
  const { keys } = txn.tables;
  const known = keys.byId(key.id);
  if (known !== undefined) {
    if (known.hash !== key.hash) throw keyTaken(key.id);
    return { ok: true };
  }
  if (keys.count() >= limits.keysMax) return keysFull;
  keys.put({ ...key, createdAt: txn.moment.wall, usedAt: null });
  return { ok: true };
}

/** Every key, by id. */
export const keys = (txn: Txn): readonly KeyRow[] => txn.tables.keys.all();

/** Forgets a key. */
export const revokeKey = (txn: Txn, id: string): boolean => txn.tables.keys.remove(id);

/** The secret that is kept, or the proposed one. */
export function secret({ tables: { keys } }: Txn, name: SecretName, proposed: string): string {
  const kept = keys.secret(name);
  if (kept !== undefined) return kept;
  keys.putSecret(name, proposed);
  return proposed;
}

/** Says that a key was used, if that was not said within the last minute. */
export function touchKey(txn: Txn, id: string): void {
  const row = txn.tables.keys.byId(id);
  const { wall } = txn.moment;
  if (row === undefined) return;
  if (row.usedAt !== null && wall < wallPlus(row.usedAt, usedEveryMs)) return;
  txn.tables.keys.put({ ...row, usedAt: wall });
}

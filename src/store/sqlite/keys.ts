/**
 * Owns access keys in the file. They are few: the list is read whole. Secrets stand in `meta`.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { KeyScope } from '../../core/access.ts';
import type { WallMs } from '../../core/time.ts';
import type { KeyRow, SecretName } from '../../ports/store-keys.ts';
import type { KeyTable } from '../verbs/tables.ts';
import { query } from './statement.ts';

type KeyTuple = readonly [
  id: string,
  name: string,
  hash: string,
  scope: string,
  tenant: string | null,
  createdAt: number,
  usedAt: number | null,
];

const keyOf = ([id, name, hash, scope, tenant, createdAt, usedAt]: KeyTuple): KeyRow => ({
  ...{ id, name, hash, tenant },
  scope: scope as KeyScope,
  createdAt: createdAt as WallMs,
  usedAt: usedAt as WallMs | null,
});

/** The key of a secret in `meta`. Stored format. */
const secretKey = (name: SecretName): string => `secret of ${name}`;

const columns = 'id, name, hash, scope, tenant, created_at, used_at';

/** Opens the table. */
export function openKeys(db: DatabaseSync): KeyTable {
  const count = query<readonly [number]>(db, 'SELECT count(*) FROM access_keys');
  const one = query<KeyTuple>(db, `SELECT ${columns} FROM access_keys WHERE id = ?`);
  const all = query<KeyTuple>(db, `SELECT ${columns} FROM access_keys ORDER BY id`);
  const put = query(
    db,
    `INSERT OR REPLACE INTO access_keys (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const remove = query(db, 'DELETE FROM access_keys WHERE id = ?');
  const secret = query<readonly [string]>(db, 'SELECT value FROM meta WHERE key = ?');
  const putSecret = query(db, 'INSERT INTO meta (key, value) VALUES (?, ?)');
  return {
    count: () => count.one()?.[0] ?? 0,
    byId(id) {
      const tuple = one.one(id);
      return tuple === undefined ? undefined : keyOf(tuple);
    },
    all: () => all.all().map(keyOf),
    put({ id, name, hash, scope, tenant, createdAt, usedAt }) {
      put.run(id, name, hash, scope, tenant, createdAt, usedAt);
    },
    remove: (id) => remove.run(id) === 1,
    secret: (name) => secret.one(secretKey(name))?.[0],
    putSecret(name, text) {
      putSecret.run(secretKey(name), text);
    },
  };
}

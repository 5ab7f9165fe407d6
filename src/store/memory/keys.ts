/**
 * Owns access keys and secrets in memory.
 */
import type { KeyRow } from '../../ports/store-keys.ts';
import type { KeyTable } from '../verbs/tables.ts';
import type { Journal } from './journal.ts';
import { Ordered } from './ordered.ts';

/** Opens the tables. */
export function openKeys(journal: Journal): KeyTable {
  const rows = Ordered.byText<KeyRow>(journal);
  const secrets = Ordered.byText<string>(journal);
  return {
    count: () => rows.size,
    byId: (id) => rows.get(id),
    all: () => [...rows.after()],
    put: (row) => rows.put(row.id, Object.freeze({ ...row })),
    remove: (id) => rows.drop(id),
    secret: (name) => secrets.get(name),
    putSecret: (name, secret) => secrets.put(name, secret),
  };
}

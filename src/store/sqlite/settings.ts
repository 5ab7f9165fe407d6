/**
 * Owns what is not about single runs: the share clock (kept in the tally), tenants, pauses,
 * policies.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { WallMs } from '../../core/time.ts';
import type { PauseView } from '../../ports/store-reads.ts';
import type { SettingTable, TenantRow } from '../verbs/tables.ts';
import { openPolicies, type Policies } from './policies.ts';
import { query } from './statement.ts';
import type { TallyRow } from './tally.ts';

/** The table, and what it remembers of policies. */
export interface Settings {
  readonly table: SettingTable;
  readonly policies: Policies;
}

/** Opens everything. */
export function openSettings(db: DatabaseSync, tally: TallyRow): Settings {
  const policies = openPolicies(db);
  return {
    policies,
    table: {
      clock: () => tally.look().share,
      putClock(clock) {
        tally.change().share = clock;
      },
      policyKey: policies.key,
      policy: policies.policy,
      ...openTenantTerms(db),
      ...openPauses(db),
    },
  };
}

type TenantTuple = readonly [
  tenant: string,
  weight: number,
  runningMax: number | null,
  waitingMax: number | null,
  turn: number,
];

const tenantOf = ([tenant, weight, runningMax, waitingMax, turn]: TenantTuple): TenantRow => ({
  tenant,
  weight,
  runningMax,
  waitingMax,
  turn,
});

/** All by the primary key but the last, which looks at every tenant: it is for pruning only. */
function openTenantTerms(
  db: DatabaseSync,
): Pick<SettingTable, 'tenant' | 'putTenant' | 'tenants' | 'forgetTenants'> {
  const columns = 'tenant, weight, running_max, waiting_max, turn';
  const tenant = query<TenantTuple>(db, `SELECT ${columns} FROM tenants WHERE tenant = ?`);
  const tenants = query<TenantTuple>(db, `SELECT ${columns} FROM tenants ORDER BY tenant LIMIT ?`);
  const putTenant = query(
    db,
    `INSERT INTO tenants (${columns}) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (tenant) DO UPDATE SET weight = excluded.weight, turn = excluded.turn,
       running_max = excluded.running_max, waiting_max = excluded.waiting_max`,
  );
  const forget = query(
    db,
    `DELETE FROM tenants WHERE tenant IN (
       SELECT tenant FROM tenants
       WHERE weight = 1 AND running_max IS NULL AND waiting_max IS NULL AND turn <= ? LIMIT ?)`,
  );
  return {
    tenant(key) {
      const tuple = tenant.one(key);
      return tuple === undefined ? undefined : tenantOf(tuple);
    },
    putTenant(row) {
      putTenant.run(row.tenant, row.weight, row.runningMax, row.waitingMax, row.turn);
    },
    tenants: (rowsMax) => tenants.all(rowsMax).map(tenantOf),
    forgetTenants: (turn, rowsMax) => forget.run(turn, rowsMax),
  };
}

type PauseTuple = readonly [kind: PauseView['kind'], key: string, reason: string, since: number];

/** Pauses are few: they are read whole, once a transaction that asks for them. */
function openPauses(db: DatabaseSync): Pick<SettingTable, 'pauses' | 'putPause' | 'removePause'> {
  const pauses = query<PauseTuple>(
    db,
    'SELECT kind, key, reason, since FROM pauses ORDER BY kind, key',
  );
  const put = query(
    db,
    'INSERT OR REPLACE INTO pauses (kind, key, reason, since) VALUES (?, ?, ?, ?)',
  );
  const remove = query(db, 'DELETE FROM pauses WHERE kind = ? AND key = ?');
  return {
    pauses: () =>
      pauses.all().map(([kind, key, reason, since]) => ({
        kind,
        key,
        reason,
        since: since as WallMs,
      })),
    putPause({ kind, key, reason, since }) {
      put.run(kind, key, reason, since);
    },
    removePause: (kind, key) => remove.run(kind, key) === 1,
  };
}

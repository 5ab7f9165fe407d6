/**
 * Owns what the verbs of one transaction share: the moment, and small rows that many items touch.
 *
 * C1 Clock and tenants are read once and written once a transaction: `flush` before the commit.
 * C2 After a roll-back the Txn is thrown away with its caches; a new one begins from the tables.
 */
import { type ShareClock, shareClockStart } from '../../core/rank.ts';
import type { Woken } from '../../ports/store.ts';
import type { PauseView } from '../../ports/store-reads.ts';
import type { Moment, Tables, TenantRow } from './tables.ts';

/** One transaction as the verbs see it. */
export interface Txn {
  readonly tables: Tables;
  readonly moment: Moment;
  shareClock(): ShareClock;
  setShareClock(clock: ShareClock): void;
  tenant(tenant: string): TenantRow;
  setTenant(row: TenantRow): void;
  pauseOf(kind: PauseView['kind'], key: string): PauseView | undefined;
  /** Forgets the pauses that were read, because one was set or taken away. */
  pausesChanged(): void;
  /** Says that something changed that others should hear of. */
  woke(what: keyof Woken): void;
  /** What was woken since the last call. */
  takeWoken(): Woken;
  /** Writes what was kept back. */
  flush(): void;
}

/** Terms of a tenant that nobody set terms for. */
const tenantUnset = (tenant: string): TenantRow => ({
  tenant,
  weight: 1,
  runningMax: null,
  waitingMax: null,
  turn: 0,
});

const noneWoken = () => ({ ready: false, stop: false, done: false });

/** Begins the shared part of a transaction that the adapter has opened. */
export function openTxn(tables: Tables, moment: Moment): Txn {
  const { settings } = tables;
  const tenants = new Map<string, TenantRow>();
  const changed = new Set<string>();
  let clock: ShareClock | undefined;
  let clockChanged = false;
  let pauses: readonly PauseView[] | undefined;
  let woken: { -readonly [What in keyof Woken]: Woken[What] } = noneWoken();
  return {
    tables,
    moment,
    shareClock() {
      clock ??= settings.clock() ?? shareClockStart(moment.wall);
      return clock;
    },
    setShareClock(next) {
      clock = next;
      clockChanged = true;
    },
    tenant(tenant) {
      let row = tenants.get(tenant);
      if (row === undefined) {
        row = settings.tenant(tenant) ?? tenantUnset(tenant);
        tenants.set(tenant, row);
      }
      return row;
    },
    setTenant(row) {
      tenants.set(row.tenant, row);
      changed.add(row.tenant);
    },
    pauseOf(kind, key) {
      pauses ??= settings.pauses();
      if (pauses.length === 0) return undefined;
      return pauses.find((pause) => pause.kind === kind && pause.key === key);
    },
    pausesChanged() {
      pauses = undefined;
    },
    woke(what) {
      woken[what] = true;
    },
    takeWoken() {
      const taken = woken;
      woken = noneWoken();
      return taken;
    },
    flush() {
      if (clockChanged && clock !== undefined) settings.putClock(clock);
      for (const tenant of changed) {
        const row = tenants.get(tenant);
        if (row !== undefined) settings.putTenant(row);
      }
      clockChanged = false;
      changed.clear();
    },
  };
}

/**
 * Owns what flow control keeps in the file, and the list of dead letters.
 *
 * W1 The number of keys stands in a row of its own, which changes with them: nothing is counted.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { WallMs } from '../../core/time.ts';
import type { DeadFilter } from '../../ports/store-flow.ts';
import type { DeadTable, FlowRow, FlowTable, FlowTerm } from '../verbs/flow-tables.ts';
import { type Query, query } from './statement.ts';

type FlowTuple = readonly [
  ...[fn: string, tenant: string, key: string, term: string],
  ...[state: string, seq: number | null, expiresAt: number],
];

const columns = 'fn, tenant, key, term, state, seq, expires_at';

const flowOf = ([fn, tenant, key, term, state, seq, expiresAt]: FlowTuple): FlowRow => ({
  ...{ fn, tenant, key, state, seq },
  term: term as FlowTerm,
  expiresAt: expiresAt as WallMs,
});

/** Opens the table of flow control. */
export function openFlows(db: DatabaseSync): FlowTable {
  const place = 'fn = ? AND tenant = ? AND key = ? AND term = ?';
  const one = query<FlowTuple>(db, `SELECT ${columns} FROM flows WHERE ${place}`);
  const insert = query(db, `INSERT INTO flows (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`);
  const update = query(db, `UPDATE flows SET state = ?, seq = ?, expires_at = ? WHERE ${place}`);
  const remove = query(db, `DELETE FROM flows WHERE ${place}`);
  const count = query<readonly [number]>(db, 'SELECT kept FROM flow_tally');
  const tally = query(db, 'UPDATE flow_tally SET kept = kept + ?');
  /** By `flows_expiry`. */
  const expired = query<FlowTuple>(
    db,
    `SELECT ${columns} FROM flows INDEXED BY flows_expiry
     WHERE expires_at <= ? ORDER BY expires_at LIMIT ?`,
  );
  return {
    get({ fn, tenant, key, term }) {
      const tuple = one.one(fn, tenant, key, term);
      return tuple === undefined ? undefined : flowOf(tuple);
    },
    put({ fn, tenant, key, term, state, seq, expiresAt }) {
      if (update.run(state, seq, expiresAt, fn, tenant, key, term) === 1) return;
      insert.run(fn, tenant, key, term, state, seq, expiresAt);
      tally.run(1);
    },
    remove({ fn, tenant, key, term }) {
      const gone = remove.run(fn, tenant, key, term);
      if (gone > 0) tally.run(-gone);
    },
    count: () => count.one()?.[0] ?? 0,
    expired: (now, rowsMax) => expired.all(now, rowsMax).map(flowOf),
  };
}

type Seq = readonly [number];

/** Opens the list of dead letters. */
export function openDead(db: DatabaseSync): DeadTable {
  const has = query<Seq>(db, 'SELECT seq FROM dead WHERE seq = ?');
  const add = query(db, 'INSERT OR REPLACE INTO dead (seq, fn, tenant) VALUES (?, ?, ?)');
  const remove = query(db, 'DELETE FROM dead WHERE seq = ?');
  const page = (where: string): Query<Seq> =>
    query<Seq>(db, `SELECT seq FROM dead WHERE ${where} seq < ? ORDER BY seq DESC LIMIT ?`);
  const all = page('');
  const ofFn = page('fn = ? AND');
  const ofTenant = page('tenant = ? AND');
  const ofBoth = page('tenant = ? AND fn = ? AND');
  const found = ({ fn, tenant }: DeadFilter, before: number, rowsMax: number) => {
    if (tenant === undefined) {
      return fn === undefined ? all.all(before, rowsMax) : ofFn.all(fn, before, rowsMax);
    }
    return fn === undefined
      ? ofTenant.all(tenant, before, rowsMax)
      : ofBoth.all(tenant, fn, before, rowsMax);
  };
  return {
    has: (seq) => has.one(seq) !== undefined,
    add({ seq, fn, tenant }) {
      add.run(seq, fn, tenant);
    },
    remove(seq) {
      remove.run(seq);
    },
    page: (filter, before, rowsMax) =>
      found(filter, before ?? Number.MAX_SAFE_INTEGER, rowsMax).map(([seq]) => seq),
  };
}

/**
 * Owns the families of runs.
 *
 * F1 Most stores have none: one look a transaction finds that out, and no run costs more there.
 * F2 Open children are looked for from the greatest index: those that end first lie behind it.
 */
import type { DatabaseSync } from 'node:sqlite';
import {
  type ClosingTuple,
  closingColumnList,
  closingOf,
  type KinTuple,
  kinColumnList,
  kinOf,
  kinTupleOf,
} from '../kin-tuple.ts';
import type { KinTable } from '../verbs/family-table.ts';
import { query } from './statement.ts';

type Count = readonly [number];

/** The table, and what has to be called when a transaction begins. */
export interface SqliteKin {
  readonly table: KinTable;
  begin(): void;
}

const columns = kinColumnList.join(', ');
const isOpen = 'parent IS NOT NULL AND open = 1';

/** Opens the table. */
export function openKin(db: DatabaseSync): SqliteKin {
  const any = query<Count>(db, 'SELECT 1 FROM kin LIMIT 1');
  let some: boolean | null = null;
  const there = (): boolean => {
    some ??= any.one() !== undefined;
    return some;
  };
  const of = query<KinTuple>(db, `SELECT ${columns} FROM kin WHERE seq = ?`);
  const put = query(
    db,
    `INSERT INTO kin (${columns}) VALUES (${kinColumnList.map(() => '?').join(', ')})
     ON CONFLICT (seq) DO UPDATE SET open = excluded.open, parent_open = excluded.parent_open,
       children = excluded.children`,
  );
  return {
    begin() {
      some = null;
    },
    table: {
      of(seq) {
        const tuple = there() ? of.one(seq) : undefined;
        return tuple === undefined ? undefined : kinOf(tuple);
      },
      put(row) {
        some = true;
        put.run(...kinTupleOf(row));
      },
      ...openChildren(db, there),
      ...openClosings(db, there),
    },
  };
}

function openChildren(
  db: DatabaseSync,
  there: () => boolean,
): Omit<KinTable, 'of' | 'put' | 'closings' | 'closing' | 'putClosing' | 'dropClosing'> {
  /** By `kin_open`, from its right end (F2). */
  const anyOpen = query<Count>(
    db,
    `SELECT 1 FROM kin INDEXED BY kin_open WHERE ${isOpen} AND parent = ? AND grp = ?
     ORDER BY idx DESC LIMIT 1`,
  );
  /** By `kin_parent`. */
  const after = query<KinTuple>(
    db,
    `SELECT ${columns} FROM kin INDEXED BY kin_parent
     WHERE parent IS NOT NULL AND parent = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?`,
  );
  const last = query<readonly [number | null]>(
    db,
    'SELECT max(seq) FROM kin INDEXED BY kin_parent WHERE parent IS NOT NULL AND parent = ?',
  );
  const countAll = query<Count>(
    db,
    `SELECT count(*) FROM (SELECT 1 FROM kin INDEXED BY kin_parent
       WHERE parent IS NOT NULL AND parent = ? LIMIT ?)`,
  );
  const countOpen = query<Count>(
    db,
    `SELECT count(*) FROM (SELECT 1 FROM kin INDEXED BY kin_open
       WHERE ${isOpen} AND parent = ? LIMIT ?)`,
  );
  /** By `kin_group`. */
  const group = query<KinTuple>(
    db,
    `SELECT ${columns} FROM kin INDEXED BY kin_group
     WHERE parent IS NOT NULL AND parent = ? AND grp = ? AND idx > ? ORDER BY idx LIMIT ?`,
  );
  /** By `kin_open` and `steps_key`. */
  const start = query<readonly [string]>(
    db,
    `SELECT s.key FROM (SELECT DISTINCT grp FROM kin INDEXED BY kin_open
       WHERE ${isOpen} AND parent = ?1) k
     JOIN steps s INDEXED BY steps_key ON s.seq = ?1 AND s.key = 'start/' || k.grp
     ORDER BY s.ord LIMIT 1`,
  );
  return {
    anyOpen: (parent, name) => there() && anyOpen.one(parent, name) !== undefined,
    childrenAfter: (parent, from, upto, rowsMax) =>
      after.all(parent, from, upto ?? Number.MAX_SAFE_INTEGER, rowsMax).map(kinOf),
    groupAfter: (parent, name, from, rowsMax) => group.all(parent, name, from, rowsMax).map(kinOf),
    lastChild: (parent) => last.one(parent)?.[0] ?? null,
    count: (parent, openOnly, atMost) =>
      there() ? ((openOnly ? countOpen : countAll).one(parent, atMost)?.[0] ?? 0) : 0,
    firstOpenStart: (parent) => start.one(parent)?.[0] ?? null,
  };
}

function openClosings(
  db: DatabaseSync,
  there: () => boolean,
): Pick<KinTable, 'closings' | 'closing' | 'putClosing' | 'dropClosing'> {
  const list = closingColumnList.join(', ');
  /** All by rowid. */
  const all = query<ClosingTuple>(db, `SELECT ${list} FROM closings ORDER BY seq LIMIT ?`);
  const one = query<ClosingTuple>(db, `SELECT ${list} FROM closings WHERE seq = ?`);
  const put = query(db, `INSERT OR REPLACE INTO closings (${list}) VALUES (?, ?, ?, ?)`);
  const drop = query(db, 'DELETE FROM closings WHERE seq = ?');
  return {
    closings: (rowsMax) => (there() ? all.all(rowsMax).map(closingOf) : []),
    closing(seq) {
      const tuple = one.one(seq);
      return tuple === undefined ? undefined : closingOf(tuple);
    },
    putClosing({ seq, how, after, upto }) {
      put.run(seq, how, after, upto);
    },
    dropClosing(seq) {
      drop.run(seq);
    },
  };
}

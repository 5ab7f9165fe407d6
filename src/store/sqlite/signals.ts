/**
 * Owns the signals to runs in the file.
 *
 * S1 What is unread is counted over its own index, which is bounded for each run.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { WallMs } from '../../core/time.ts';
import type { SignalRow } from '../../ports/store-signals.ts';
import type { SignalTable } from '../verbs/tables.ts';
import { query } from './statement.ts';

type Tuple = readonly [
  ...[n: number, id: string, name: string, data: string, at: number, taken: number],
];

const columns = 'n, id, name, data, at, taken';

const rowOf = ([n, id, name, data, at, taken]: Tuple): SignalRow => ({
  ...{ n, id, name, data },
  at: at as WallMs,
  taken: taken === 1,
});

/** Opens the table. */
export function openSignals(db: DatabaseSync): SignalTable {
  const byId = query<Tuple>(
    db,
    `SELECT ${columns} FROM signals INDEXED BY signals_id WHERE seq = ? AND id = ?`,
  );
  /** By the primary key, from its right end, and by `signals_unread`. */
  const size = query<readonly [last: number | null, unread: number]>(
    db,
    `SELECT (SELECT max(n) FROM signals WHERE seq = ?1),
       (SELECT count(*) FROM signals INDEXED BY signals_unread WHERE seq = ?1 AND taken = 0)`,
  );
  const insert = query(
    db,
    'INSERT INTO signals (seq, n, id, name, data, at, taken) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  /** By `signals_unread`. */
  const first = query<Tuple>(
    db,
    `SELECT ${columns} FROM signals INDEXED BY signals_unread
     WHERE seq = ? AND taken = 0 AND name IN (SELECT value FROM json_each(?))
     ORDER BY n LIMIT 1`,
  );
  const take = query(db, 'UPDATE signals SET taken = 1 WHERE seq = ? AND n = ?');
  const found = (tuple: Tuple | undefined): SignalRow | undefined =>
    tuple === undefined ? undefined : rowOf(tuple);
  return {
    byId: (seq, id) => found(byId.one(seq, id)),
    size(seq) {
      const [last, unread] = size.one(seq) ?? [null, 0];
      return { last: last ?? 0, unread };
    },
    insert(seq, { n, id, name, data, at, taken }) {
      insert.run(seq, n, id, name, data, at, taken ? 1 : 0);
    },
    first: (seq, names) => found(first.one(seq, names)),
    take(seq, n) {
      take.run(seq, n);
    },
  };
}

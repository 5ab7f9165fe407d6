/**
 * Owns the steps of runs, and the waits among them by what they are for.
 *
 * S1 Distinct paths are found by jumps over the index, each from behind the last: the cost is that
 *    of the distinct ones.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { WallMs } from '../../core/time.ts';
import type { StepRow } from '../../ports/store-steps.ts';
import { type StepTuple, stepColumnList, stepOf, stepTupleOf } from '../step-tuple.ts';
import type { StepTable } from '../verbs/tables.ts';
import { query } from './statement.ts';

const columns = stepColumnList.join(', ');

/** Opens the table. */
export function openSteps(db: DatabaseSync): StepTable {
  return { ...openRows(db), ...openEnded(db), ...openWaits(db) };
}

function openRows(db: DatabaseSync): Pick<StepTable, 'get' | 'put' | 'size' | 'page'> {
  const marks = columns.replace(/\w+/g, '?');
  const changing = stepColumnList.filter((column) => !['seq', 'ord', 'key'].includes(column));
  const changes = changing.map((column) => `${column} = excluded.${column}`).join(', ');
  /** By `steps_key`. */
  const get = query<StepTuple>(
    db,
    `SELECT ${columns} FROM steps INDEXED BY steps_key WHERE seq = ? AND key = ?`,
  );
  const put = query(
    db,
    `INSERT INTO steps (${columns}, tenant) VALUES (${marks}, ?)
     ON CONFLICT (seq, key) DO UPDATE SET ${changes}, tenant = excluded.tenant`,
  );
  /** By `steps_ord` and `steps_nth`, from their right ends. */
  const size = query<readonly [count: number | null, nth: number | null]>(
    db,
    `SELECT (SELECT max(ord) FROM steps INDEXED BY steps_ord WHERE seq = ?1),
       (SELECT max(nth) FROM steps INDEXED BY steps_nth WHERE seq = ?1 AND nth IS NOT NULL)`,
  );
  /** By `steps_ord`. */
  const page = query<StepTuple>(
    db,
    `SELECT ${columns} FROM steps INDEXED BY steps_ord
     WHERE seq = ? AND ord > ? ORDER BY ord LIMIT ?`,
  );
  return {
    get: (seq, key) => found(get.one(seq, key)),
    put(seq, tenant, row) {
      const wanted = row.wait !== null && row.wait.event !== null;
      put.run(...stepTupleOf(seq, row), wanted ? tenant : null);
    },
    size(seq) {
      const [count, nth] = size.one(seq) ?? [null, null];
      return { count: count ?? 0, nth: nth ?? 0 };
    },
    page: (seq, afterOrd, rowsMax) => page.all(seq, afterOrd, rowsMax).map(stepOf),
  };
}

const found = (tuple: StepTuple | undefined): StepRow | undefined =>
  tuple === undefined ? undefined : stepOf(tuple);

/** All by `steps_ord`. */
function openEnded(db: DatabaseSync): Pick<StepTable, 'countEnded' | 'copyEnded'> {
  const ended = `FROM steps INDEXED BY steps_ord
    WHERE seq = ?1 AND (?2 IS NULL OR ord < ?2) AND nth IS NOT NULL`;
  const count = query<readonly [number]>(db, `SELECT count(*) ${ended}`);
  const renewed: Readonly<Record<string, string>> = {
    seq: '?3',
    ord: 'row_number() OVER (ORDER BY ord)',
    nth: 'row_number() OVER (ORDER BY nth)',
    attempt: '0',
    token: 'NULL',
  };
  const values = stepColumnList.map((column) => renewed[column] ?? column).join(', ');
  const copy = query(
    db,
    `INSERT INTO steps (${columns}, tenant) SELECT ${values}, tenant ${ended}`,
  );
  return {
    countEnded: (seq, belowOrd) => count.one(seq, belowOrd)?.[0] ?? 0,
    copyEnded(seq, belowOrd, to) {
      copy.run(seq, belowOrd, to);
    },
  };
}

type PlaceTuple = readonly [seq: number, key: string];

function openWaits(
  db: DatabaseSync,
): Pick<StepTable, 'earliestWake' | 'byToken' | 'wantedPaths' | 'wanting'> {
  /** By `steps_wake`. */
  const wake = query<readonly [number | null]>(
    db,
    `SELECT min(wake_at) FROM steps INDEXED BY steps_wake
     WHERE seq = ? AND wake_at IS NOT NULL AND nth IS NULL`,
  );
  /** By `steps_token`. */
  const byToken = query<PlaceTuple>(
    db,
    'SELECT seq, key FROM steps INDEXED BY steps_token WHERE token = ?',
  );
  /** Both by `steps_wanting`. */
  const nextPaths = query<readonly [string]>(
    db,
    `SELECT paths FROM steps INDEXED BY steps_wanting
     WHERE tenant = ? AND event = ? AND nth IS NULL AND paths > ?
     ORDER BY paths LIMIT 1`,
  );
  const wanting = query<PlaceTuple>(
    db,
    `SELECT seq, key FROM steps INDEXED BY steps_wanting
     WHERE tenant = ? AND event = ? AND paths = ? AND vals = ? AND nth IS NULL
     ORDER BY seq, ord LIMIT ?`,
  );
  const placeOf = ([seq, key]: PlaceTuple) => ({ seq, key });
  return {
    earliestWake: (seq) => (wake.one(seq)?.[0] ?? null) as WallMs | null,
    byToken(token) {
      const place = byToken.one(token);
      return place === undefined ? undefined : placeOf(place);
    },
    wantedPaths(tenant, event, rowsMax) {
      const paths: string[] = [];
      while (paths.length < rowsMax) {
        const next = nextPaths.one(tenant, event, paths.at(-1) ?? '');
        if (next === undefined) break;
        paths.push(next[0]);
      }
      return paths;
    },
    wanting: (tenant, event, { paths, values }, rowsMax) =>
      wanting.all(tenant, event, paths, values, rowsMax).map(placeOf),
  };
}

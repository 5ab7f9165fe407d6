/**
 * Owns the events that are kept.
 *
 * E1 Number, count and the time of the last one stand in a row of their own, which changes with
 *    every event: nothing is counted over the rows.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { WallMs } from '../../core/time.ts';
import { type EventTuple, eventColumnList, eventOf } from '../step-tuple.ts';
import type { EventTable, KeptEvent } from '../verbs/tables.ts';
import { query } from './statement.ts';

type TallyTuple = readonly [nextN: number, kept: number, lastAt: number | null];

/** Opens the table. */
export function openEvents(db: DatabaseSync): EventTable {
  const columns = eventColumnList.join(', ');
  const tally = query<TallyTuple>(db, 'SELECT next_n, kept, last_at FROM event_tally');
  const came = query(
    db,
    'UPDATE event_tally SET next_n = next_n + 1, kept = kept + 1, last_at = ?',
  );
  const went = query(db, 'UPDATE event_tally SET kept = kept - ?');
  const look = (): TallyTuple => tally.one() ?? [1, 0, null];
  const insert = query(db, `INSERT INTO events (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`);
  const close = query(db, 'UPDATE events SET open = 0 WHERE n = ?');
  /** By `events_open`. */
  const open = query<EventTuple>(
    db,
    `SELECT ${columns} FROM events INDEXED BY events_open WHERE open = 1 ORDER BY n LIMIT ?`,
  );
  /** By rowid, from the oldest: none behind one that stays can be older. */
  const remove = query(
    db,
    `DELETE FROM events WHERE n IN (
       SELECT n FROM (SELECT n, at FROM events WHERE open = 0 ORDER BY n LIMIT ?2)
       WHERE at < ?1)`,
  );
  return {
    insert({ tenant, id, name, data }, at, isOpen) {
      const [n] = look();
      insert.run(n, tenant, id, name, data, at, isOpen ? 1 : 0);
      came.run(at);
      return n;
    },
    ...openFinding(db, columns),
    open: (rowsMax) => open.all(rowsMax).map(eventOf),
    close(n) {
      close.run(n);
    },
    count: () => look()[1],
    lastAt: () => look()[2] as WallMs | null,
    removeBefore(before, rowsMax) {
      const removed = remove.run(before, rowsMax);
      if (removed > 0) went.run(removed);
      return removed;
    },
  };
}

function openFinding(db: DatabaseSync, columns: string): Pick<EventTable, 'byId' | 'after'> {
  /** By `events_id`. */
  const byId = query<EventTuple>(
    db,
    `SELECT ${columns} FROM events INDEXED BY events_id WHERE tenant = ? AND id = ?`,
  );
  /** By `events_name`, from where the run was accepted, or has come to. */
  const after = query<EventTuple>(
    db,
    `SELECT ${columns} FROM events INDEXED BY events_name
     WHERE tenant = ?1 AND name = ?2 AND n > ?4
       AND at >= max(?3, coalesce((SELECT at FROM events WHERE n = ?4), ?3))
     ORDER BY at, n LIMIT ?5`,
  );
  return {
    byId(tenant, id): KeptEvent | undefined {
      const tuple = byId.one(tenant, id);
      return tuple === undefined ? undefined : eventOf(tuple);
    },
    after: ({ tenant, name, since }, n, _match, rowsMax) =>
      after.all(tenant, name, since, n, rowsMax).map(eventOf),
  };
}

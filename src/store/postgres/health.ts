/**
 * Owns the early signs that a database stops cleaning up behind us: whoever holds its horizon back,
 * and dead rows that pile up. Both cost nothing at first and everything later.
 *
 * H1 The horizon is held back by open transactions, by prepared ones and by slots of standbys, in
 *    any database of the server. Of sessions of other roles only the members of `pg_read_all_stats`
 *    hear; who is not says so.
 * H2 It is one statement, cheap enough to be asked once a minute for ever.
 */
import type { StoreFinding } from '../../ports/store-reads.ts';
import type { Queries } from './queries.ts';

/** Something that will hurt if nothing is done. */
export interface StoreAlarm {
  readonly name: 'held-snapshot' | 'dead-rows';
  /** What was seen, and what to do. */
  readonly message: string;
}

/** How it stands with the cleaning-up. */
export interface StoreHealth {
  /** For how long the oldest transaction has kept dead rows from going. 0: nobody does. */
  readonly heldMs: number;
  /** Who that is, for people, or null. */
  readonly heldBy: string | null;
  /** Our table with the most dead rows, and its rows, as the server counts them. */
  readonly table: string | null;
  readonly deadRows: number;
  readonly liveRows: number;
  /** Whether sessions of other roles were looked at, too (H1). */
  readonly seesAll: boolean;
  /** Empty if all is well. */
  readonly alarms: readonly StoreAlarm[];
}

/** From when on it is worth an alarm. */
const heldMsMax = 300_000;
const deadRowsMin = 50_000;
const deadShareMax = 0.5;

const sessions =
  "select clock_timestamp() - coalesce(xact_start, backend_start) as age, format('%s (pid %s)', " +
  "coalesce(nullif(application_name, ''), 'a client'), pid) as who from pg_stat_activity " +
  'where (backend_xmin is not null or backend_xid is not null) and pid <> pg_backend_pid() ' +
  // Whose snapshot holds back nobody.
  "and backend_type is distinct from 'autovacuum worker'";
const prepared =
  "select clock_timestamp() - prepared, format('prepared transaction %L', gid) " +
  'from pg_prepared_xacts';
/** A slot says which transaction it waits for, not since when: a long way back is long ago. */
const slots =
  "select interval '1 hour', format('replication slot %L', slot_name) from pg_replication_slots " +
  'where age(coalesce(xmin, catalog_xmin)) > 1000000';

interface Row {
  readonly held: number | null;
  readonly who: string | null;
  readonly table: string | null;
  readonly dead: number | null;
  readonly live: number | null;
  readonly all: boolean;
}

/** Asks the server. `schema` is the plain name. */
export async function health(queries: Queries, schema: string): Promise<StoreHealth> {
  const [row] = await queries.rows<Row>(
    `select extract(epoch from held.age)::float8 * 1000 as held, held.who,
       most.relname as table, most.dead, most.live,
       pg_has_role('pg_read_all_stats', 'usage') as all
     from (select 1) one
     left join lateral (
       select relname, n_dead_tup::float8 as dead, n_live_tup::float8 as live
       from pg_stat_user_tables where schemaname = $1 order by n_dead_tup desc limit 1
     ) most on true
     left join lateral (
       select age, who from (${sessions} union all ${prepared} union all ${slots}) h
       order by age desc limit 1
     ) held on true`,
    [schema],
  );
  const known = {
    heldMs: Math.max(0, Math.round(row?.held ?? 0)),
    heldBy: row?.who ?? null,
    table: row?.table ?? null,
    deadRows: row?.dead ?? 0,
    liveRows: row?.live ?? 0,
    seesAll: row?.all ?? false,
  };
  return { ...known, alarms: alarmsOf(known) };
}

function alarmsOf(known: Omit<StoreHealth, 'alarms'>): readonly StoreAlarm[] {
  const { heldMs, heldBy, table, deadRows, liveRows } = known;
  const alarms: StoreAlarm[] = [];
  if (heldMs >= heldMsMax) {
    const message =
      `${heldBy} has held a snapshot or transaction for ${Math.round(heldMs / 1_000)} s: no dead ` +
      'row of any table can go meanwhile; end it';
    alarms.push({ name: 'held-snapshot', message });
  }
  if (deadRows > deadRowsMin && deadRows > deadShareMax * (deadRows + liveRows)) {
    const message =
      `table '${table}' has ${deadRows} dead rows beside ${liveRows} live ones: vacuum does not ` +
      'keep up; look for held snapshots, and at the log of autovacuum';
    alarms.push({ name: 'dead-rows', message });
  }
  return alarms;
}

/** The same as findings. */
export function healthFindings(known: StoreHealth): readonly StoreFinding[] {
  const { alarms, heldMs, heldBy, deadRows, seesAll } = known;
  const blind = seesAll ? '' : ' of this role; grant it pg_read_all_stats to see the others';
  const held =
    heldBy === null
      ? `no open transaction${blind} keeps dead rows from going`
      : `the oldest open transaction${blind} is ${heldBy}, for ${Math.round(heldMs / 1_000)} s`;
  const dead = `no table has more dead rows than it should; the most are ${deadRows}`;
  return [
    findingOf(alarms, 'held-snapshot', 'held snapshot', held),
    findingOf(alarms, 'dead-rows', 'dead rows', dead),
  ];
}

function findingOf(
  alarms: readonly StoreAlarm[],
  name: StoreAlarm['name'],
  check: string,
  well: string,
): StoreFinding {
  const alarm = alarms.find((one) => one.name === name);
  if (alarm === undefined) return { check, level: 'ok', message: well };
  return { check, level: 'warn', message: alarm.message };
}

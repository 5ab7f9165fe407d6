/**
 * Owns the examination of a schema: the reconciler, which recomputes from rows what the gates
 * decided step by step, and the state of the server as far as it concerns us.
 *
 * X1 Everything is one snapshot, taken without the gate: what it finds is wrong, not under way.
 * X2 No lane has more holders than the widest of them allows, no tenant more than its limit; nobody
 *    waits before a gate that is open; only who may hold a place does; whoever runs has an owner.
 * X3 What grows without an error is named before it hurts: snapshots that are held, dead rows.
 */
import type { StoreFinding } from '../../ports/store-reads.ts';
import { health, healthFindings } from './health.ts';
import type { Queries } from './queries.ts';

const findingsMax = 20;

/** Which rows stand in the indexes of times. */
const timed = {
  due: 'l.stage in (1, 6)',
  deadline: 'l.stage not in (5, 8)',
  overdue: 'true',
} as const;

/** Each gives one text for each row that is wrong. */
const invariants = (s: string): readonly string[] => [
  `select format('run %L is at stage %s and holds a place', r.id, l.stage) as wrong
   from ${s}.live l join ${s}.runs r on r.seq = l.seq
   where (l.lane_held or l.tenant_held)
     and (l.stage = 7 or (l.stage = 8 and l.owner is null))`,
  `select format('run %L is at stage %s with owner %s', r.id, l.stage, l.owner)
   from ${s}.live l join ${s}.runs r on r.seq = l.seq
   where (l.stage = 5 and l.owner is null) or (l.stage in (1, 2, 3, 4, 7) and l.owner is not null)
     or (l.stage = 8 and l.owner is null)`,
  `select format('run %L is owned by node %s, which is not there', r.id, l.owner)
   from ${s}.live l join ${s}.runs r on r.seq = l.seq
   where l.owner is not null and not exists (select 1 from ${s}.nodes n where n.node = l.owner)`,
  `select format('run %L is at stage %s without a place in lane %L', r.id, l.stage, l.lane)
   from ${s}.live l join ${s}.runs r on r.seq = l.seq
   where l.lane is not null and not l.lane_held and l.stage in (3, 4, 5)`,
  `select format('run %L is unfinished and has an outcome, or neither', r.id)
   from ${s}.runs r left join ${s}.live l on l.seq = r.seq left join ${s}.ended e on e.seq = r.seq
   where (l.seq is null and e.seq is null)
     or (l.seq is not null and (e.seq is not null) <> (l.stage = 8))`,
  `select format('lane %L has %s holders; the widest allows %s', l.lane, count(*),
     max(r.lane_width))
   from ${s}.live l join ${s}.runs r on r.seq = l.seq
   where l.lane_held group by l.lane having count(*) > max(r.lane_width)`,
  `select format('lane %L has room, but run %L waits', w.lane, r.id)
   from (select lane, min(seq) as seq from ${s}.live where stage = 2 group by lane) w
   join ${s}.runs r on r.seq = w.seq
   where (select count(*) from ${s}.live h where h.lane = w.lane and h.lane_held) < r.lane_width
     and not exists (select 1 from ${s}.pauses p where p.kind = 'lane' and p.key = w.lane)`,
  `select format('tenant %L holds %s places; its limit is %s', t.tenant, q.held, t.running_max)
   from ${s}.tenants t cross join lateral (
     select count(*) filter (where stage = 4) as ready, count(*) as held
     from ${s}.live l where l.tenant = t.tenant and l.tenant_held
   ) q where q.held > t.running_max and q.ready > 0`,
  `select format('tenant %L has room, but a run waits', w.tenant)
   from (select distinct tenant from ${s}.live where stage = 3) w
   left join ${s}.tenants t on t.tenant = w.tenant
   where t.running_max is null or t.running_max > (
     select count(*) from ${s}.live h where h.tenant = w.tenant and h.tenant_held)`,
  `select format('run %L is eligible, but stands before the floor of %L', r.id, l.fn)
   from ${s}.live l join ${s}.runs r on r.seq = l.seq
   cross join lateral (select a, b from ${s}.cells
     where kind = 'floor' and key = l.fn order by n desc limit 1) f
   where l.stage = 4 and (l.rank, l.seq) < (f.a, f.b::bigint)`,
  `select format('run %L wakes at %s, and its first wait is over at %s', r.id, l.due_at, k.at)
   from ${s}.live l join ${s}.runs r on r.seq = l.seq cross join lateral (
     select min(o.wake_at) as at from ${s}.steps o
     where o.seq = l.seq and o.wake_at is not null and o.nth is null
   ) k where l.stage = 6 and l.owner is null and l.due_at is distinct from k.at`,
  `select format('run %L is %s to its family', r.id,
     case k.open when 1 then 'open' else 'not open' end)
   from ${s}.kin k join ${s}.runs r on r.seq = k.seq left join ${s}.live l on l.seq = k.seq
   where (k.open = 1) <> (l.seq is not null and l.stage <> 8)
     or (l.seq is not null and l.kin is null)`,
  `select format('run %L waits for %L, which is over', r.id, t.key)
   from ${s}.steps t join ${s}.live l on l.seq = t.seq and l.stage = 6
   join ${s}.runs r on r.seq = t.seq
   where t.kind = 'child' and t.nth is null and not exists (select 1 from ${s}.kin k
     where k.parent = t.seq and 'child/' || k.grp = t.key
       and (k.open = 1 or exists (select 1 from ${s}.closings c where c.seq = k.seq)))`,
  `select format('run %L is set aside for its parent, which asks for it no more', r.id)
   from ${s}.set_aside a join ${s}.runs r on r.seq = a.seq
   where a.n is null and not exists (select 1 from ${s}.kin k
     where k.seq = a.seq and k.parent_open = 1)`,
  `select format('what is left of run number %s stands before the floor', c.seq)
   from ${s}.closings c where c.seq <= (select ${s}.closings_floor())`,
  ...(['due', 'deadline', 'overdue'] as const).map(
    (kind) => `select format('run %L stands before the floor of its time (${kind})', r.id)
   from ${s}.live l join ${s}.runs r on r.seq = l.seq
   where l.${kind}_at < (select ${s}.time_floor('${kind}')) and ${timed[kind]}`,
  ),
  `select format('run %L waits before the floor of the inbox', i.item->>'id')
   from ${s}.inbox i where i.n <= (select ${s}.inbox_settled())`,
  `select format('steps of run number %s are there, and the run is not', k.seq)
   from (select distinct seq from ${s}.steps) k
   where not exists (select 1 from ${s}.runs r where r.seq = k.seq)`,
  `select format('events: kept %s, counted %s', kept.b, counted.n)
   from (select b from ${s}.cells where kind = 'events' order by n desc limit 1) kept,
     (select count(*) as n from ${s}.events) counted
   where kept.b <> counted.n`,
  `select format('live rows: kept %s, counted %s', kept.a, counted.n)
   from (select a from ${s}.cells where kind = 'live' order by n desc limit 1) kept,
     (select count(*) as n from ${s}.live where stage <> 8) counted
   where kept.a <> counted.n`,
];

/** Everything that is wrong, or worth knowing. */
export async function examine(
  queries: Queries,
  s: string,
  promised: 'full' | 'relaxed',
): Promise<readonly StoreFinding[]> {
  await queries.script(
    'begin isolation level repeatable read read only; ' +
      'set local enable_seqscan = on; set local enable_hashjoin = on; ' +
      'set local enable_mergejoin = on',
  );
  const wrong: string[] = [];
  for (const text of invariants(s)) {
    const rows = await queries.rows<{ readonly wrong: string }>(
      `select wrong from (${text}) as q(wrong) limit ${findingsMax}`,
    );
    wrong.push(...rows.map((row) => row.wrong));
  }
  const live = await queries.one<string>(
    `select count(*)::text as value from ${s}.live where stage <> 8`,
  );
  await queries.script('commit');
  const findings = wrong
    .slice(0, findingsMax)
    .map((message): StoreFinding => ({ check: 'invariants', level: 'bad', message }));
  if (findings.length === 0) {
    const message = `${live} live runs hold exactly the places that they should`;
    findings.push({ check: 'invariants', level: 'ok', message });
  }
  return [...findings, ...(await serverFindings(queries, s, promised))];
}

interface Server {
  readonly version: string;
  readonly sync: string;
  readonly fsync: string;
  readonly pages: string;
  readonly vacuum: string;
}

async function serverFindings(
  queries: Queries,
  s: string,
  promised: 'full' | 'relaxed',
): Promise<readonly StoreFinding[]> {
  const [server] = await queries.rows<Server>(
    `select current_setting('server_version') as version,
       (select reset_val from pg_settings where name = 'synchronous_commit') as sync,
       current_setting('fsync') as fsync,
       current_setting('full_page_writes') as pages, current_setting('autovacuum') as vacuum`,
  );
  if (server === undefined) return [];
  const found: StoreFinding[] = [
    { check: 'server', level: 'ok', message: `PostgreSQL ${server.version}` },
    durability(server, promised),
    ...healthFindings(await health(queries, s.slice(1, -1))),
  ];
  if (server.vacuum === 'off') {
    found.push({
      check: 'vacuum',
      level: 'bad',
      message: 'autovacuum is off: dead rows will never go; turn it on',
    });
  }
  return found;
}

function durability({ sync, fsync, pages }: Server, promised: 'full' | 'relaxed'): StoreFinding {
  const check = 'durability';
  if (fsync === 'off' || pages === 'off') {
    const what = fsync === 'off' ? 'fsync' : 'full_page_writes';
    const message = `${what} is off: a power cut may destroy everything; turn it on`;
    return { check, level: 'bad', message };
  }
  if (promised === 'relaxed') {
    const message = 'relaxed: the last moments before a power cut of the server may be lost';
    return { check, level: 'ok', message };
  }
  const waits = sync === 'off' ? 'on' : sync;
  return {
    check,
    level: 'ok',
    message: `acknowledgements wait for the disk (synchronous_commit ${waits})`,
  };
}

/**
 * Owns what schema version 4 mends about the forgetting of events, of what flow control keeps, and
 * of turns: each call goes on where the one before came to, and meets no dead entries of its own.
 *
 * F1 Numbers of events grow as they become visible, so that their floor needs no distance from now.
 *    It stays before one that is open.
 * F2 The floor of what flow control keeps is a time, and keeps the distance of N5 of
 *    `migration-pruning.ts`.
 * F3 The turns of tenants are looked at from the greatest name down, so many at a time, and each
 *    from its newest version.
 */
import { limits } from '../../../core/limits.ts';
import { floorDistanceMs } from './migration-pruning.ts';

/** How long nodes that ended are still shown. */
const endedNodesKeptMs = 24 * 3_600_000;
/** When a row about a run is looked at again, as pruning on the embedded stores has it. */
const runLookMs = 300_000;
const runLookGrowth = 3;

const events = (s: string): string => `
-- As before, from the floor on.
create or replace function ${s}.prune_events(p_kept_ms double precision, p_max integer)
returns integer language plpgsql volatile as $$
declare
  v record;
  v_before double precision := ${s}.wall() - p_kept_ms;
  v_floor bigint := coalesce((select a from ${s}.cells
    where kind = 'pruned' and key = 'events' order by n desc limit 1), 0);
  v_gone bigint[];
begin
  if not exists (
    select 1 from (
      select e.at from ${s}.events e where e.open = 0 and e.n > v_floor order by e.n limit 1
    ) q where q.at < v_before
  ) then return 0; end if;
  perform ${s}.gate();
  -- By number, from the oldest: none behind one that stays can be older.
  v_gone := array(
    select q.n from (
      select e.n, e.at from ${s}.events e where e.open = 0 and e.n > v_floor
      order by e.n limit p_max
    ) q where q.at < v_before);
  if v_gone = '{}' then return 0; end if;
  delete from ${s}.events where n = any (v_gone);
  select a, b, c into v from ${s}.cells where kind = 'events' and key = '' order by n desc limit 1;
  perform ${s}.put_cell('events', '', v.a, v.b - cardinality(v_gone), v.c, 0);
  perform ${s}.put_cell('pruned', 'events', greatest(v_floor, least(
    (select max(u.n) from unnest(v_gone) as u(n)),
    (select o.n from ${s}.events o where o.open = 1 order by o.n limit 1) - 1)), 0, 0, 0);
  return cardinality(v_gone);
end
$$;
`;

const flows = (s: string): string => `
-- As before, from the floor on.
create or replace function ${s}.prune_flows(p_max integer) returns integer
language plpgsql volatile as $$
declare
  w double precision := ${s}.wall();
  v_floor record;
  v_from double precision := 0;
  v_to double precision;
  v_gone integer;
  v_later integer;
  v_kept double precision;
begin
  select a, c into v_floor from ${s}.cells
    where kind = 'pruned' and key = 'flows' order by n desc limit 1;
  if w >= v_floor.c - ${floorDistanceMs / 2} then v_from := v_floor.a; end if;
  -- Without anything to do it takes no gate.
  if not exists (
    select 1 from ${s}.flows where expires_at >= v_from and expires_at <= w
  ) then return 0; end if;
  perform ${s}.gate();
  with old as materialized (
    select f.ctid as place, f.term = 'unique' and l.seq is not null and l.stage <> 8 as goes_on,
      f.expires_at, r.accepted_at
    from (select ctid, * from ${s}.flows where expires_at >= v_from and expires_at <= w
      order by expires_at limit p_max) f
    left join ${s}.live l on l.seq = f.seq
    left join ${s}.runs r on r.seq = f.seq
  ), later as (
    update ${s}.flows f
    set n = f.n + 1,
      expires_at = w + greatest(${runLookMs}, (w - old.accepted_at) * ${runLookGrowth})
    from old where f.ctid = old.place and old.goes_on returning 1
  ), gone as (
    delete from ${s}.flows f using old where f.ctid = old.place and not old.goes_on returning 1
  )
  select (select count(*) from gone), (select count(*) from later),
    (select max(expires_at) from old) into v_gone, v_later, v_to;
  if v_gone > 0 then
    select a into v_kept from ${s}.cells
      where kind = 'flows' and key = '' order by n desc limit 1;
    perform ${s}.put_cell('flows', '', greatest(0, coalesce(v_kept, 0) - v_gone), 0, 0, 0);
  end if;
  perform ${s}.put_cell(
    'pruned', 'flows', greatest(v_from, least(v_to, w - ${floorDistanceMs})), 0, w, 0);
  return v_gone + v_later;
end
$$;
`;

const rest = (s: string): string => `
-- As before, and N7.
create or replace function ${s}.prune_rest(p_max integer) returns void
language plpgsql volatile as $$
declare
  v record;
  v_clock double precision := coalesce((select a from ${s}.cells
    where kind = 'clock' and key = '' order by n desc limit 1), 0);
  v_place text := (select key from ${s}.cells
    where kind = 'turns-looked' order by key desc, n desc limit 1);
  v_key text := v_place;
begin
  delete from ${s}.nodes n
    where n.ended_at is not null and n.ended_at <= ${s}.wall() - ${endedNodesKeptMs}
      and not exists (select 1 from ${s}.live l where l.owner = n.node);
  delete from ${s}.nodes n where n.node in (
    select o.node from ${s}.nodes o where o.ended_at is not null
      and not exists (select 1 from ${s}.live l where l.owner = o.node)
    order by o.node desc offset ${limits.endedNodesMax}
  );
  for i in 1..p_max loop
    if v_key is null then
      select q.key, q.n, q.a into v from ${s}.cells q
        where q.kind = 'turn' order by q.key desc, q.n desc limit 1;
    else
      select q.key, q.n, q.a into v from ${s}.cells q
        where q.kind = 'turn' and q.key < v_key order by q.key desc, q.n desc limit 1;
    end if;
    v_key := v.key;
    exit when v_key is null;
    if v.a <= v_clock and not exists (select 1 from ${s}.tenants t where t.tenant = v_key) then
      delete from ${s}.cells c where c.kind = 'turn' and c.key = v_key and c.n = v.n;
    end if;
  end loop;
  if v_key is distinct from v_place then
    delete from ${s}.cells where kind = 'turns-looked';
    if v_key is not null then
      insert into ${s}.cells (kind, key, n, a) values ('turns-looked', v_key, 1, 0)
        on conflict do nothing;
    end if;
  end if;
end
$$;
`;

/** What version 4 brings for all that is not a run. */
export const migrationFloors = (s: string): string => events(s) + flows(s) + rest(s);

/**
 * Owns the verbs about events inside the database, and the pruning that knows of steps.
 *
 * E1 `emit_plain` keeps events that nobody waits for. If an id is known, somebody waits for one of
 *    the names, or there is no room, it changes nothing and gives false: that is decided.
 * E2 Events are pruned under the gate, since their number is counted; runs with their steps are
 *    not. Whoever writes a step of a finished run under the gate only updates, so that nothing is
 *    left of a run that is pruned meanwhile.
 */
import { limits } from '../../../core/limits.ts';

export const eventingSql = (s: string): string => `
create function ${s}.emit_plain(p json) returns boolean language plpgsql volatile as $$
declare
  v record;
  w double precision;
  v_count integer := json_array_length(p);
begin
  perform ${s}.gate();
  if exists (
    select 1 from json_to_recordset(p) as x(tenant text, id text)
    join ${s}.events e on e.tenant = x.tenant and e.id = x.id
  ) then return false; end if;
  if exists (
    select 1 from (
      select distinct x.tenant, x.name from json_to_recordset(p) as x(tenant text, name text)
    ) y
    join ${s}.steps k on k.tenant = y.tenant and k.event = y.name and k.event is not null
      and k.nth is null
  ) then return false; end if;
  select a, b, c into v from ${s}.cells where kind = 'events' and key = '' order by n desc limit 1;
  if v.b + v_count > ${limits.eventsMax} then return false; end if;
  w := greatest(${s}.wall(), v.c);
  insert into ${s}.events (n, tenant, id, name, data, at, open)
    select v.a::bigint + x.ord + 1, x.tenant, x.id, x.name, x.data, w, 0
    from json_to_recordset(p) as x(ord integer, tenant text, id text, name text, data text);
  perform ${s}.put_cell('events', '', v.a + v_count, v.b + v_count, w, 0);
  return true;
end
$$;

-- Deletes the oldest events that came more than so many ms ago; gives their number.
create function ${s}.prune_events(p_kept_ms double precision, p_max integer)
returns integer language plpgsql volatile as $$
declare
  v record;
  v_before double precision := ${s}.wall() - p_kept_ms;
  v_gone integer;
begin
  -- Without anything to do it takes no gate.
  if not exists (
    select 1 from (
      select e.at from ${s}.events e where e.open = 0 order by e.n limit 1) q where q.at < v_before
  ) then return 0; end if;
  perform ${s}.gate();
  -- By number, from the oldest: none behind one that stays can be older.
  delete from ${s}.events where n in (
    select q.n from (
      select e.n, e.at from ${s}.events e where e.open = 0 order by e.n limit p_max
    ) q where q.at < v_before
  );
  get diagnostics v_gone = row_count;
  select a, b, c into v from ${s}.cells where kind = 'events' and key = '' order by n desc limit 1;
  perform ${s}.put_cell('events', '', v.a, v.b - v_gone, v.c, 0);
  return v_gone;
end
$$;

-- As before, and the steps too.
create or replace function ${s}.prune_runs(
  p_outcome integer, p_kept_ms double precision, p_max integer
) returns integer language plpgsql volatile as $$
declare
  v_seqs bigint[];
begin
  select array_agg(seq) into v_seqs from (
    select e.seq from ${s}.ended e
    where e.outcome = p_outcome and e.finished_at < ${s}.wall() - p_kept_ms
      and not exists (select 1 from ${s}.live l where l.seq = e.seq)
    order by e.finished_at, e.seq limit p_max
    for update skip locked
  ) q;
  if v_seqs is null then return 0; end if;
  delete from ${s}.ended where seq = any (v_seqs);
  delete from ${s}.runs where seq = any (v_seqs);
  delete from ${s}.attempts where seq = any (v_seqs);
  delete from ${s}.progress where seq = any (v_seqs);
  delete from ${s}.log_lines where seq = any (v_seqs);
  delete from ${s}.log_drops where seq = any (v_seqs);
  delete from ${s}.steps where seq = any (v_seqs);
  delete from ${s}.parts where seq = any (v_seqs);
  delete from ${s}.part_sums where seq = any (v_seqs);
  return cardinality(v_seqs);
end
$$;
`;

/**
 * Owns the verbs that every plain run passes inside the database: start, and success. Each is one
 * call and holds the gate, or a door in it, for its own time only. The third, `claim`, has a file
 * of its own.
 *
 * H1 `start_plain` takes runs without a lane that are due at once and whose tenant has no limits.
 *    If one of them is anything else, or an id is known, it changes nothing and gives null.
 * H2 `succeed_plain` ends running runs under their fences that hold no place, and says which. The
 *    others are decided by the verbs of the embedded stores. It changes rows that no claim changes,
 *    and the number of live rows, which no claim changes either: so it passes beside claims (J3 of
 *    the clocks).
 * H3 The arithmetic of the fair order is that of `src/core/rank.ts`.
 */
import { limits } from '../../../core/limits.ts';

const prioritySeconds = `least(greatest(i.priority, -${limits.prioritySecondsMax}),
      ${limits.prioritySecondsMax})`;

export const hotSql = (s: string): string => `
create function ${s}.start_plain(p_items json, p_ids text[], p_tenants text[])
returns boolean language plpgsql volatile as $$
declare
  w double precision;
  v_turn double precision;
  v_pace double precision;
  v_count integer := cardinality(p_ids);
  v_first bigint;
  v_fns text[];
  v_ranks double precision[];
begin
  perform ${s}.gate();
  w := ${s}.wall();
  if exists (
    select 1 from ${s}.tenants t
    where t.tenant = any (p_tenants) and (t.running_max is not null or t.waiting_max is not null)
  ) then return false; end if;
  if exists (select 1 from ${s}.runs q where q.id = any (p_ids)) then return false; end if;
  if (select a from ${s}.cells where kind = 'live' and key = '' order by n desc limit 1)
    + v_count > ${limits.liveRunsMax} then return false; end if;
  select a, b into v_turn, v_pace from ${s}.cells
    where kind = 'clock' and key = '' order by n desc limit 1;
  v_turn := coalesce(v_turn, 0);
  v_pace := coalesce(v_pace, 1);
  perform ${s}.epoch();
  perform ${s}.policies_there(array(
    select distinct x.policy from json_to_recordset(p_items) as x(policy bigint)));
  v_first := nextval('${s}.run_seq');
  if v_count > 1 then perform setval('${s}.run_seq', v_first + v_count - 1); end if;
  with i as (
    select v_first + x.ord as seq, x.*,
      row_number() over (partition by x.tenant order by x.ord) - 1 as nth
    from json_to_recordset(p_items) as x(
      ord integer, id text, fn text, tenant text, width integer, priority double precision,
      deadline double precision, tags text, policy bigint, trace text, input text)
  ), t as (
    select k.tenant, k.times, coalesce(m.weight, 1) as weight,
      greatest(v_turn, coalesce(c.a, 0)) as turn, c.n
    from (select tenant, count(*) as times from i group by tenant) k
    left join ${s}.tenants m on m.tenant = k.tenant
    left join lateral (
      select a, n from ${s}.cells where kind = 'turn' and key = k.tenant order by n desc limit 1
    ) c on true
  ), accepted as (
    insert into ${s}.runs (seq, id, fn, lane, lane_width, tenant, priority_seconds, tags, policy,
      accepted_at, deadline_at, retry_of, trace, input)
    select seq, id, fn, null, width, tenant, priority, tags, policy, w, deadline, null, trace,
      input
    from i order by seq
  ), placed as (
    insert into ${s}.live (seq, fn, tenant, deadline_at, stage, attempt, fence, failures, crashes,
      lane_held, tenant_held, due_at, rank, tag)
    select i.seq, i.fn, i.tenant, i.deadline, 4, 0, 0, 0, 0, false, false, w,
      t.turn + i.nth / t.weight - ${prioritySeconds} * v_pace, t.turn + i.nth / t.weight
    from i join t on t.tenant = i.tenant order by i.seq
    returning fn, rank
  ), turned as (
    update ${s}.cells c set n = c.n + 1, a = t.turn + t.times / t.weight
    from t where c.kind = 'turn' and c.key = t.tenant and c.n = t.n
  ), began as (
    insert into ${s}.cells (kind, key, n, a)
    select 'turn', tenant, 1, turn + times / weight from t where n is null
  )
  select array_agg(fn), array_agg(rank) into v_fns, v_ranks
  from (select fn, min(rank) as rank from placed group by fn) p;
  perform ${s}.lower_floors(v_fns, v_ranks);
  perform ${s}.count_live(v_count);
  return true;
end
$$;

-- Gives true if it ended all of them, or else the list of those that it ended.
create function ${s}.succeed_plain(p_seqs bigint[], p_fences bigint[], p_results text[])
returns json language plpgsql volatile as $$
declare
  w double precision;
  v_seqs bigint[];
begin
  perform ${s}.door('ends');
  w := ${s}.wall();
  with gone as (
    -- By their places, whatever the server believes of the size of the table.
    delete from ${s}.live l using (
      select u.*, (select v.ctid from ${s}.live v where v.seq = u.seq) as place
      from unnest(p_seqs, p_fences, p_results) as u(seq, fence, result)
    ) x
    where l.ctid = x.place and l.fence = x.fence and l.stage = 5
      and not l.lane_held and not l.tenant_held
    returning l.seq, l.fn, l.attempt, l.fence, l.failures, l.crashes, l.started_at, x.result
  ), kept as (
    insert into ${s}.ended (seq, outcome, finished_at, error, result, attempt, fence, failures,
      crashes, started_at, pin)
    select seq, 1, w, null, result, attempt, fence, failures, crashes, started_at,
      nullif(split_part(fn, chr(31), 2), '')
    from gone
    returning seq
  )
  select array_agg(seq) into v_seqs from kept;
  perform ${s}.count_live(-coalesce(cardinality(v_seqs), 0));
  return case when cardinality(v_seqs) = cardinality(p_seqs) then to_json(true)
    else coalesce(to_json(v_seqs), '[]'::json) end;
end
$$;
`;

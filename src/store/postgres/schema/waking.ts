/**
 * Owns the coming due of plain runs inside the database: those that slept, or were to begin later.
 *
 * W1 `wake_plain` moves runs without a lane whose tenant has no limits, of which no code lingers,
 *    and whose deadline has not passed, to their last gate. The rest is decided by a sweep.
 * W2 It looks at the first runs of the index of due times: what it leaves there is decided next.
 * W3 The order is that of their due times, and the arithmetic of the fair order that of
 *    `src/core/rank.ts`, as in `start_plain`.
 */
import { limits } from '../../../core/limits.ts';

const prioritySeconds = `least(greatest(d.priority_seconds, -${limits.prioritySecondsMax}),
      ${limits.prioritySecondsMax})`;

/** `from`: more of the condition, which says from where on anything is due. */
export const wakingSql = (s: string, from = ''): string => `
create function ${s}.wake_plain(p_max integer) returns integer language plpgsql volatile as $$
declare
  w double precision;
  v_turn double precision;
  v_pace double precision;
  v_fns text[];
  v_ranks double precision[];
begin
  perform ${s}.gate();
  w := ${s}.wall();
  select a, b into v_turn, v_pace from ${s}.cells
    where kind = 'clock' and key = '' order by n desc limit 1;
  v_turn := coalesce(v_turn, 0);
  v_pace := coalesce(v_pace, 1);
  with due as materialized (
    select q.seq, q.fn, q.tenant, case when q.stage = 6 then w else q.due_at end as at,
      r.priority_seconds,
      row_number() over (partition by q.tenant order by q.due_at, q.seq) - 1 as nth
    from (
      -- The beginning of the index, whatever stands there: a condition might cost its order.
      select l.* from ${s}.live l
      where l.due_at is not null and (l.stage = 1 or l.stage = 6)${from}
      order by l.due_at, l.seq limit p_max
    ) q join ${s}.runs r on r.seq = q.seq
    where q.due_at <= w and q.lane is null and q.owner is null
      and coalesce(q.deadline_at > w, true)
      and not exists (select 1 from ${s}.tenants t
        where t.tenant = q.tenant and (t.running_max is not null or t.waiting_max is not null))
  ), t as (
    select k.tenant, k.times, coalesce(m.weight, 1) as weight,
      greatest(v_turn, coalesce(c.a, 0)) as turn, c.n
    from (select tenant, count(*) as times from due group by tenant) k
    left join ${s}.tenants m on m.tenant = k.tenant
    left join lateral (
      select a, n from ${s}.cells where kind = 'turn' and key = k.tenant order by n desc limit 1
    ) c on true
  ), placed as (
    update ${s}.live l set stage = 4, due_at = d.at,
      rank = t.turn + d.nth / t.weight - ${prioritySeconds} * v_pace,
      tag = t.turn + d.nth / t.weight
    from due d join t on t.tenant = d.tenant where l.seq = d.seq
    returning l.fn, l.rank
  ), turned as (
    update ${s}.cells c set n = c.n + 1, a = t.turn + t.times / t.weight
    from t where c.kind = 'turn' and c.key = t.tenant and c.n = t.n
  ), began as (
    insert into ${s}.cells (kind, key, n, a)
    select 'turn', tenant, 1, turn + times / weight from t where n is null
  )
  select array_agg(fn), array_agg(rank) into v_fns, v_ranks from placed;
  if v_fns is null then return 0; end if;
  perform ${s}.lower_floors(v_fns, v_ranks);
  return cardinality(v_fns);
end
$$;
`;

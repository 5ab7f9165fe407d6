/**
 * Owns the hand-out inside the database.
 *
 * H1 Only a live node gets runs, only of functions that it asked for and that are not paused, never
 *    more than it has room for. It asks for queues: those of functions, and those of their versions
 *    (`src/core/queue.ts`), which stand in `live.fn`. All queues of a function share its room.
 * H2 The order is by rank over all queues asked for, then by acceptance. Of each queue a few rows
 *    are read at first, and more only while unread ones may belong to those handed out.
 * H3 A queue's rows are read from its floor on; the floor follows what was handed out.
 * H4 One queue is handed out in one statement; of several the orders are merged first. That of a
 *    version counts only if a run stands in it: most functions have none that is pinned.
 * H5 The arithmetic is that of `advance` in `src/core/rank.ts` and of `patienceAtClaim`
 *    and `patienceAtStop` in `src/core/execution/deadline.ts`.
 * H6 A fence is greater than the one before, and than all that may have been given out and lost.
 */
import { overdueMarginMs } from '../../../core/execution/deadline.ts';
import { limits } from '../../../core/limits.ts';
import {
  paceMax,
  paceMin,
  paceSampleMsMin,
  paceSmoothingMs,
  turnsPerClaimMin,
} from '../../../core/rank.ts';
import { judgeLookMsMin, judgeStepMsMax } from '../../judge-clock.ts';

/** A floor is written for so many runs of a function: before, the dead entries do not matter. */
const floorRunsMin = 4;
/** Rows that are read of each queue at the least. */
const rowsEachMin = 8;

const nextDue = (s: string): string => `
create function ${s}.next_due(w double precision, j double precision)
returns double precision language plpgsql volatile as $$
begin
  return (select min(at) from (
    (select due_at as at from ${s}.live
      where due_at is not null and (stage = 1 or stage = 6) order by due_at limit 1)
    union all
    (select deadline_at from ${s}.live
      where deadline_at is not null and stage <> 5 and stage <> 8 order by deadline_at limit 1)
    union all
    (select w + case when overdue_at <= j then 1
        else greatest(ceil(overdue_at - j) + 1, ${judgeLookMsMin}) end from ${s}.live
      where overdue_at is not null order by overdue_at limit 1)
    union all
    -- What came into the inbox behind its floor is due at once: up to there a sweep has looked.
    (select 0::double precision from ${s}.inbox i where i.n > coalesce((
        select a from ${s}.cells where kind = 'inbox' and key = '' order by n desc limit 1), 0)
      order by i.n limit 1)
  ) next);
end
$$;
`;

const functionOf = (queue: string): string => `split_part(${queue}, chr(31), 1)`;

const waits = (s: string): string => `
-- Whether a run stands in a queue.
create function ${s}.waits_in(p_queue text) returns boolean language plpgsql volatile as $$
declare
  v_floor double precision;
  v_seq bigint;
begin
  select a, b into v_floor, v_seq from ${s}.cells
    where kind = 'floor' and key = p_queue order by n desc limit 1;
  perform 1 from ${s}.live v
    where v.fn = p_queue and v.stage = 4 and (v.rank, v.seq) >=
      (coalesce(v_floor, '-infinity'::double precision), coalesce(v_seq, 0))
    order by v.rank, v.seq limit 1;
  return found;
end
$$;
`;

/** Of each queue the first rows of its order, one more than asked for, numbered. */
const heads = (s: string): string => `
create function ${s}.heads(p_fns text[], p_rooms integer[], p_each integer)
returns table (
  seq bigint, fn text, rank double precision, tag double precision, nth bigint, room integer
)
language plpgsql volatile as $$
begin
  return query select l.seq, f.fn, l.rank, l.tag, l.nth, f.room
  from unnest(p_fns, p_rooms) as f(fn, room)
  left join lateral (
    select a, b from ${s}.cells where kind = 'floor' and key = f.fn order by n desc limit 1
  ) floor on true
  cross join lateral (
    select q.*, row_number() over (order by q.rank, q.seq) as nth
    from (
      select v.seq, v.rank, v.tag from ${s}.live v
      where v.fn = f.fn and v.stage = 4 and (v.rank, v.seq) >=
        (coalesce(floor.a, '-infinity'::double precision), coalesce(floor.b, 0)::bigint)
      order by v.rank, v.seq limit least(f.room, p_each) + 1
    ) q
  ) l;
end
$$;
`;

const advance = (s: string): string => `
create function ${s}.advance(
  p_count integer, p_tag double precision, p_turns double precision, p_backlog boolean,
  w double precision
) returns void language plpgsql volatile as $$
declare
  v_turn double precision := 0;
  v_pace double precision := ${paceMin};
  v_at double precision := w;
  v_from double precision := 0;
  v_next double precision;
  v_trust double precision;
begin
  select a, b, c, d into v_turn, v_pace, v_at, v_from from ${s}.cells
    where kind = 'clock' and key = '' order by n desc limit 1;
  if not found then
    v_turn := 0; v_pace := ${paceMin}; v_at := w; v_from := 0;
  end if;
  v_next := greatest(
    least(p_tag, v_turn + p_turns), v_turn + p_count * ${turnsPerClaimMin}::double precision
  );
  if not p_backlog or w < v_at then
    v_at := w; v_from := v_next;
  elsif w - v_at >= ${paceSampleMsMin} then
    v_trust := case when v_pace = ${paceMin} then 1
      else 1 - exp(-(w - v_at) / ${paceSmoothingMs}) end;
    v_pace := v_pace + ((v_next - v_from) * 1000 / (w - v_at) - v_pace) * v_trust;
    v_pace := least(greatest(v_pace, ${paceMin}), ${paceMax});
    v_at := w; v_from := v_next;
  end if;
  perform ${s}.put_cell('clock', '', v_next, v_pace, v_at, v_from);
end
$$;
`;

/**
 * Hands out the first of an order, given as rows of seq, rank, tag and place in the order.
 * What few runs have is not a column of the answer but an entry of `more`.
 */
const handOut = (s: string, order: string): string => `
    with first as materialized (${order}
    ), z as (
      select o.*, r.id, r.fn, r.input, r.lane, r.tags, r.retry_of, r.trace, r.accepted_at,
        r.policy,
        p.attempt_timeout_ms as timeout, p.grace_ms as grace, coalesce(t.weight, 1) as weight,
        case when r.deadline_at is not null then greatest(0, r.deadline_at - w) end as left_ms,
        coalesce(sum(octet_length(r.input)) over (
          order by o.ord rows between unbounded preceding and 1 preceding
        ), 0) as before
      from first o
      join ${s}.runs r on r.seq = o.seq
      join ${s}.policies p on p.policy = r.policy
      left join ${s}.tenants t on t.tenant = r.tenant
      where o.ord <= p_max
    ), handed as (
      update ${s}.live l set
        stage = 5, attempt = l.attempt + 1,
        fence = greatest(l.fence, (select ${s}.fence_floor())) + 1,
        owner = p_node, started_at = w,
        due_at = null, rank = null, tag = null,
        overdue_at = case
          when l.stop_cause is not null then j + z.grace + ${overdueMarginMs + judgeStepMsMax}
          when z.timeout is null and z.left_ms is null then null
          else j + least(z.timeout, z.left_ms) + z.grace + ${overdueMarginMs + judgeStepMsMax} end,
        overdue_cause = case
          when l.stop_cause is not null then 'stop'
          when z.timeout is null and z.left_ms is null then null
          when z.left_ms is null or z.timeout <= z.left_ms then 'attempt'
          else 'deadline' end
      from z
      -- By their places, whatever the server believes of the size of the table.
      where l.ctid = z.place and z.before < ${limits.claimInputCharsMax}
      returning z.ord, z.rank, z.tag, z.weight, z.id, z.input, z.lane, z.tags, z.retry_of,
        z.trace, z.accepted_at,
        z.policy, z.fn, l.seq, l.fn as queue, l.tenant, l.attempt, l.failures, l.fence,
        l.deadline_at, l.stop_cause, l.stop_reason
    )
    select count(*), sum(1 / weight), max(tag), array_agg(queue), array_agg(rank), array_agg(seq),
      (select count(*) from first), json_build_object(
        'seq', json_agg(seq), 'id', json_agg(id), 'fn', json_agg(fn), 'fence', json_agg(fence),
        'input', json_agg(input), 'tenant', json_agg(tenant), 'accepted', json_agg(accepted_at),
        'deadline', json_agg(deadline_at), 'policy', json_agg(policy),
        'more', json_agg(json_build_array(ord - 1, attempt, failures, lane, tags, retry_of, trace,
            case when queue <> fn then substr(queue, length(fn) + 2) end, stop_cause, stop_reason))
          filter (where attempt <> 1 or failures <> 0 or lane is not null or tags <> '[]'
            or retry_of is not null or trace is not null or queue <> fn)
      )
    into v_taken, v_turns, v_tag, v_of, v_ranks, v_seqs, v_found, v_runs
    from (select * from handed order by ord) h;`;

/** The order of one queue, and one row more. */
const orderOfOne = (s: string): string => `
      select q.*, row_number() over (order by q.rank, q.seq) as ord
      from (
        select v.seq, v.rank, v.tag, v.ctid as place from ${s}.live v
        where v.fn = v_fns[1] and v.stage = 4 and (v.rank, v.seq) >= (v_floor, v_floor_seq)
        order by v.rank, v.seq limit p_max + 1
      ) q`;

/** An order that was found before. */
const orderFound = (s: string): string => `
      select u.seq, u.rank, u.tag, u.ord,
        (select v.ctid from ${s}.live v where v.seq = u.seq) as place
      from unnest(v_seqs, v_ranks, v_tags) with ordinality as u(seq, rank, tag, ord)`;

/** Merges the orders of several queues into v_seqs, v_ranks and v_tags. */
const merge = (s: string): string => `
    v_each := greatest(${rowsEachMin}, ceil(2.0 * p_max / cardinality(v_fns)));
    loop
      with c as materialized (
        select * from ${s}.heads(v_fns, v_rooms, v_each)
      ), first as materialized (
        select q.* from (
          select c.*, row_number() over (
            partition by ${functionOf('c.fn')} order by c.rank, c.seq) as among
          from c where c.nth <= least(c.room, v_each)
        ) q where q.among <= q.room order by q.rank, q.seq limit p_max
      ), last as (select rank, seq from first order by rank desc, seq desc limit 1)
      select
        (select array_agg(seq order by rank, seq) from first),
        (select array_agg(rank order by rank, seq) from first),
        (select array_agg(tag order by rank, seq) from first),
        (select count(*) from c),
        -- A queue was read short, and its unread rows may belong to the first.
        exists (
          select 1 from c where c.nth = v_each and c.nth < c.room
            and exists (select 1 from c o where o.fn = c.fn and o.nth > v_each)
            and ((c.rank, c.seq) <= (select rank, seq from last)
              or (select count(*) from first) < p_max)
        )
      into v_seqs, v_ranks, v_tags, v_ready, v_short;
      exit when not v_short;
      v_each := v_each * 4;
    end loop;`;

const claim = (s: string): string => `
create function ${s}.claim(p_node bigint, p_fns text[], p_rooms integer[], p_max integer)
returns json language plpgsql volatile as $$
declare
  w double precision;
  j double precision;
  v_state text;
  v_fns text[];
  v_rooms integer[];
  v_each integer;
  v_floor double precision;
  v_floor_seq bigint;
  v_seqs bigint[];
  v_of text[];
  v_ranks double precision[];
  v_tags double precision[];
  v_short boolean;
  v_runs json;
  v_found integer;
  v_ready integer := 0;
  v_taken integer;
  v_turns double precision;
  v_tag double precision;
  f record;
begin
  perform ${s}.door('hand-out');
  w := ${s}.wall();
  j := ${s}.judge();
  select state into v_state from ${s}.nodes where node = p_node;
  if v_state is distinct from 'live' then
    return json_build_object('state', coalesce(v_state, 'unknown'));
  end if;
  select array_agg(q.fn), array_agg(least(q.room, p_max)) into v_fns, v_rooms
  from unnest(p_fns, p_rooms) as q(fn, room)
  where q.room > 0 and not exists (
    select 1 from ${s}.pauses p where p.kind = 'function' and p.key = ${functionOf('q.fn')}
  ) and (strpos(q.fn, chr(31)) = 0 or ${s}.waits_in(q.fn));
  if cardinality(v_fns) = 1 then
    select a, b into v_floor, v_floor_seq from ${s}.cells
      where kind = 'floor' and key = v_fns[1] order by n desc limit 1;
    v_floor := coalesce(v_floor, '-infinity');
    v_floor_seq := coalesce(v_floor_seq, 0);
    -- Nobody counts beyond what was asked for.
    p_max := v_rooms[1];${handOut(s, orderOfOne(s))}
  elsif v_fns is not null then${merge(s)}${handOut(s, orderFound(s))}
  end if;
  if coalesce(v_taken, 0) = 0 then
    return json_build_object('next', ${s}.next_due(w, j));
  end if;
  -- Whoever asked may have sent a wait for the disk along, in case there is need for it.
  perform set_config('holdfast.handed', '1', false);
  perform ${s}.advance(v_taken, v_tag, v_turns, v_taken < greatest(v_found, v_ready), w);
  for f in
    select q.fn, max(array[q.rank, q.seq]) as place
    from unnest(v_of, v_ranks, v_seqs) as q(fn, rank, seq)
    group by q.fn having count(*) >= ${floorRunsMin}
  loop
    perform ${s}.put_cell('floor', f.fn, f.place[1], f.place[2], 0, 0);
  end loop;
  return json_build_object('runs', v_runs, 'next', ${s}.next_due(w, j));
end
$$;
`;

/** The functions of the hand-out. */
export const claimSql = (s: string): string =>
  nextDue(s) + waits(s) + heads(s) + advance(s) + claim(s);

/**
 * Owns what owners write about steps inside the database: `record`, and the parking of plain runs.
 *
 * R1 `record` takes no gate. It locks the rows of its runs in `live`, in the order of seq, and
 *    looks at their fences then. Whoever else writes steps of a run (under the gate) locks its row
 *    too, before it reads them: numbers are never given twice, and the first end stands.
 * R2 Waits for events begin only under the gate, and events come only under the gate. So one of the
 *    two comes first: either the wait finds the event when it looks back, or the event finds the
 *    wait. `record` gets no waits for events. So it is with waits for children and their ends.
 * R3 Waits that others end are ended only under the gate, and runs are parked only under the gate:
 *    a run that is parked has seen every end that came before, and every later one finds it parked.
 * R4 `park_plain` parks what holds no place of its tenant, was not asked to stop, has seen every
 *    end, and whose waits are new and find no event. It says which; the rest is decided.
 */
import { limits } from '../../../core/limits.ts';
import { stepTuple } from './step-tuple-sql.ts';

/** Locks running rows in the order in which everybody does. */
const lockRows = (s: string): string => `
  perform l.seq from ${s}.live l
    where l.seq in (select x.seq from json_to_recordset(p) as x(seq bigint))
    order by l.seq for no key update;`;

const wakeAt = (wake: string): string =>
  `coalesce((${wake}->>'at')::double precision, w + (${wake}->>'afterMs')::double precision)`;

const record = (s: string): string => `
-- Gives for each item, in its place, what stands of each write where that is news, and the greatest
-- nth before; how many steps there are, if there is no room for more; id and fence, if the fence is
-- over, or the run lost steps that its owner knows; or null.
create function ${s}.record(p json) returns json language plpgsql volatile as $$
declare
  w double precision;
  v_run record;
  v_write record;
  v_step ${s}.steps;
  v_count integer;
  v_nth integer;
  v_before integer;
  v_said json[];
  v_reply json[] := '{}';
  v_done json;
begin
  ${lockRows(s)}
  w := ${s}.wall();
  -- Most calls by far: one write to each of several runs, about a step that was not heard of.
  with one as (
    select i.seq, i.fence, i.knows, i.writes->0 as said, json_array_length(i.writes) as writes,
      count(*) over (partition by i.seq) as times
    from json_to_recordset(p) as i(seq bigint, fence bigint, knows integer, writes json)
  ), plan as (
    select l.seq, l.attempt, o.ord, o.nth, x.does, x.key, x.kind, x.tries, x."end"
    from one
    join ${s}.live l on l.seq = one.seq and l.fence = one.fence and l.stage = 5
    cross join lateral json_to_record(one.said) as x(
      does text, key text, kind text, tries integer, "end" json)
    cross join lateral (select
      coalesce((select max(m.ord) from ${s}.steps m where m.seq = l.seq), 0) as ord,
      coalesce((
        select max(m.nth) from ${s}.steps m where m.seq = l.seq and m.nth is not null), 0) as nth
    ) o
    where one.times = 1 and one.writes = 1 and x.does <> 'wait'
      and o.ord < ${limits.stepsMax} and o.nth >= one.knows
  ), kept as (
    insert into ${s}.steps (seq, ord, key, kind, attempt, tries, begun_at, waits, how, nth,
      ended_at, value, error)
    select n.seq, n.ord + 1, n.key, n.kind, n.attempt, n.tries, w, 0, n."end"->>'how',
      case when n.does = 'end' then n.nth + 1 end, case when n.does = 'end' then w end,
      n."end"->>'value', n."end"->>'error'
    from plan n
    on conflict (seq, key) do nothing
    returning seq
  )
  select json_object_agg(n.seq, n.nth), count(*) into v_done, v_count
  from kept join plan n on n.seq = kept.seq;
  if v_count = json_array_length(p) then
    return (
      select json_agg(json_build_object('nth', (v_done->>(i.seq::text))::integer,
        'steps', '[null]'::json) order by i.ord)
      from json_to_recordset(p) as i(ord integer, seq bigint)
    );
  end if;
  for v_run in
    select i.*, l.seq is not null as holds, l.attempt,
      (v_done->>(i.seq::text))::integer as done
    from json_to_recordset(p) as i(
      ord integer, seq bigint, fence bigint, knows integer, writes json)
    left join ${s}.live l on l.seq = i.seq and l.fence = i.fence and l.stage = 5
    order by i.ord
  loop
    if v_run.done is not null then
      v_reply := v_reply || json_build_object('nth', v_run.done, 'steps', '[null]'::json);
      continue;
    end if;
    v_nth := coalesce((
      select max(nth) from ${s}.steps where seq = v_run.seq and nth is not null), 0);
    if not v_run.holds or v_nth < v_run.knows then
      v_reply := v_reply || coalesce((
        select json_build_object('id', v.id, 'fence', v.fence, 'lost', v_run.holds)
        from ${s}.run_rows v where v.seq = v_run.seq
      ), 'null'::json);
      continue;
    end if;
    v_count := coalesce((select max(ord) from ${s}.steps where seq = v_run.seq), 0);
    if v_count + json_array_length(v_run.writes) > ${limits.stepsMax} and v_count + (
      select count(distinct q.key) from json_to_recordset(v_run.writes) as q(key text)
      where not exists (select 1 from ${s}.steps o where o.seq = v_run.seq and o.key = q.key)
    ) > ${limits.stepsMax} then
      v_reply := v_reply || to_json(v_count);
      continue;
    end if;
    v_said := '{}';
    v_before := v_nth;
    for v_write in
      select * from json_to_recordset(v_run.writes) as q(
        does text, key text, kind text, tries integer, wake json, token text, "end" json)
    loop
      select * into v_step from ${s}.steps where seq = v_run.seq and key = v_write.key;
      if v_step.nth is not null or (v_step.seq is not null and v_write.does = 'wait') then
        v_said := v_said || case when v_write.does = 'begin' then 'null'::json
          else ${stepTuple('v_step')} end;
        continue;
      end if;
      if v_step.seq is null then
        v_count := v_count + 1;
        v_step.seq := v_run.seq; v_step.ord := v_count; v_step.key := v_write.key;
        v_step.waits := 0; v_step.attempt := v_run.attempt; v_step.begun_at := w;
      elsif v_step.waits = 0 and v_step.attempt <> v_run.attempt then
        v_step.attempt := v_run.attempt; v_step.begun_at := w;
      end if;
      v_step.kind := v_write.kind;
      v_step.tries := coalesce(v_write.tries, 1);
      if v_write.does = 'wait' then
        v_step.waits := 1; v_step.token := v_write.token;
        v_step.wake_at := ${wakeAt('v_write.wake')};
      elsif v_write.does = 'end' then
        v_nth := v_nth + 1;
        v_step.nth := v_nth; v_step.ended_at := w;
        v_step.how := v_write."end"->>'how'; v_step.value := v_write."end"->>'value';
        v_step.error := v_write."end"->>'error';
      end if;
      insert into ${s}.steps values (v_step.*) on conflict (seq, key) do update set
        kind = excluded.kind, attempt = excluded.attempt, tries = excluded.tries,
        begun_at = excluded.begun_at, how = excluded.how, nth = excluded.nth,
        ended_at = excluded.ended_at, value = excluded.value, error = excluded.error;
      v_said := v_said || case when v_write.does = 'wait' then ${stepTuple('v_step')}
        else 'null'::json end;
    end loop;
    v_reply := v_reply || json_build_object('nth', v_before, 'steps', array_to_json(v_said));
  end loop;
  return array_to_json(v_reply);
end
$$;
`;

const park = (s: string): string => `
create function ${s}.park_plain(p json) returns json language plpgsql volatile as $$
declare
  w double precision;
  v_seqs bigint[];
begin
  perform ${s}.gate();
  ${lockRows(s)}
  w := ${s}.wall();
  select array_agg(x.seq) into v_seqs
  from json_to_recordset(p) as x(seq bigint, fence bigint, seen integer, waits json)
  join ${s}.live l on l.seq = x.seq and l.fence = x.fence and l.stage = 5
    and l.stop_cause is null and not l.tenant_held
  join ${s}.runs r on r.seq = x.seq
  where x.seen = coalesce((
      select max(nth) from ${s}.steps o where o.seq = x.seq and nth is not null), 0)
    and json_array_length(x.waits) + coalesce((
      select max(ord) from ${s}.steps o where o.seq = x.seq), 0) <= ${limits.stepsMax}
    and json_array_length(x.waits) = (
      select count(distinct q.key) from json_to_recordset(x.waits) as q(key text))
    and not exists (
      select 1 from json_to_recordset(x.waits) as q(does text, key text, event json)
      where q.does <> 'wait'
        or exists (select 1 from ${s}.steps o where o.seq = x.seq and o.key = q.key)
        or (q.event is not null and exists (
          select 1 from ${s}.look_back(r.tenant, q.event->>'name', r.accepted_at,
            (q.event->>'after')::bigint, q.event->>'paths', q.event->>'values', 1)))
    );
  if v_seqs is null then return '[]'::json; end if;
  insert into ${s}.steps (seq, ord, key, kind, attempt, tries, begun_at, waits, wake_at, event,
    paths, vals, after_n, token, tenant)
  select l.seq, c.ord + q.at, q.v->>'key', q.v->>'kind', l.attempt, 1, w, 1,
    ${wakeAt("q.v->'wake'")}, q.v->'event'->>'name', q.v->'event'->>'paths',
    q.v->'event'->>'values', (q.v->'event'->>'after')::bigint, q.v->>'token',
    case when q.v->'event'->>'name' is not null then l.tenant end
  from json_to_recordset(p) as x(seq bigint, fence bigint, waits json)
  join ${s}.live l on l.seq = x.seq and l.seq = any (v_seqs)
  cross join lateral (
    select coalesce(max(o.ord), 0) as ord from ${s}.steps o where o.seq = x.seq
  ) c
  cross join lateral json_array_elements(x.waits) with ordinality as q(v, at);
  insert into ${s}.attempts (seq, attempt, node, started_at, ended_at, ending, error)
  select l.seq, l.attempt, (select n.name from ${s}.nodes n where n.node = l.owner),
    coalesce(l.started_at, w), w, 'parked', null
  from ${s}.live l where l.seq = any (v_seqs);
  delete from ${s}.attempts a using ${s}.live l
    where l.seq = any (v_seqs) and l.attempt > ${limits.attemptsKeptMax}
      and a.seq = l.seq and a.attempt <= l.attempt - ${limits.attemptsKeptMax};
  update ${s}.live l set stage = 6, owner = null, overdue_at = null, overdue_cause = null,
    due_at = (select min(o.wake_at) from ${s}.steps o
      where o.seq = l.seq and o.wake_at is not null and o.nth is null)
  where l.seq = any (v_seqs);
  return to_json(v_seqs);
end
$$;
`;

/** What owners write about steps. */
export const recordingSql = (s: string): string => record(s) + park(s);

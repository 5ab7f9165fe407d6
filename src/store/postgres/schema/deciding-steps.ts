/**
 * Owns `load_all` and `apply_steps`: what `load` and `apply` are for runs, with steps and events.
 *
 * L1 The gate is taken first, then the rows of the runs whose steps are read are locked (R1 of
 *    `recording.ts`), then the steps are read.
 * L2 The runs behind tokens, waits and forks are loaded with everything that their wakening may
 *    touch, as `load` does for runs that are named.
 * L3 Of waits for events no more are loaded than may be ended at once, over all that are asked for;
 *    but one of each at the least, which tells that there are more.
 */
import { eventTuple, stepTuple } from './step-tuple-sql.ts';
import { inIndexOrder } from './steps.ts';

const loadWaits = (s: string): string => `
create function ${s}.load_wanting(p json, p_room integer) returns json
language plpgsql volatile ${inIndexOrder} as $$
declare
  v_want record;
  v_left integer := p_room;
  v_max integer;
  v_places json;
  v_count integer;
  v_reply json[] := '{}';
begin
  for v_want in
    select * from json_to_recordset(p) as q(tenant text, name text, paths text, vals text)
  loop
    v_max := greatest(v_left, 1);
    select json_agg(json_build_array(seq, key)), count(*) into v_places, v_count from (
      select seq, key from ${s}.steps k
      where k.tenant = v_want.tenant and k.event = v_want.name and k.event is not null
        and k.nth is null
        and hashtextextended(k.paths, 0) = hashtextextended(v_want.paths, 0)
        and hashtextextended(k.vals, 0) = hashtextextended(v_want.vals, 0)
        and k.paths = v_want.paths and k.vals = v_want.vals
      order by k.seq, k.ord limit v_max
    ) q;
    v_left := v_left - v_count;
    v_reply := v_reply
      || json_build_array(v_want.tenant, v_want.name, v_want.paths, v_want.vals, v_max,
        coalesce(v_places, '[]'::json));
  end loop;
  return array_to_json(v_reply);
end
$$;
`;

const loadSteps = (s: string): string => `
create function ${s}.load_steps(p json) returns json language plpgsql volatile as $$
declare
  v_tokens json;
  v_wanting json;
  v_forks json;
  v_keys json;
  v_seqs bigint[];
begin
  select json_agg(json_build_array(token, seq, key)) into v_tokens from ${s}.steps
    where token = any (array(select json_array_elements_text(p->'tokens')));
  if p->'wanting' is not null then
    v_wanting := ${s}.load_wanting(p->'wanting', (p->>'wantingMax')::integer);
  end if;
  select json_agg(json_build_array(r.seq, x."from", k.ord, (
      select count(*) from ${s}.steps e
      where e.seq = r.seq and e.nth is not null and (k.ord is null or e.ord < k.ord))))
  into v_forks
  from json_to_recordset(p->'forks') as x(id text, "from" text)
  join ${s}.runs r on r.id = x.id
  left join ${s}.steps k on k.seq = r.seq and k.key = x."from";
  select json_agg(json_build_array(seq, key)) into v_keys from (
    select x.seq, q.key from json_to_recordset(p->'steps') as x(seq bigint, keys json)
      left join lateral json_array_elements_text(x.keys) as q(key) on true
    union select (value->>1)::bigint, value->>2 from json_array_elements(v_tokens)
    union select (q.value->>0)::bigint, q.value->>1 from json_array_elements(v_wanting) as o
      cross join lateral json_array_elements(o.value->5) as q
    union select (value->>0)::bigint, value->>1 from json_array_elements(v_forks)
  ) every;
  select coalesce(array_agg(distinct (value->>0)::bigint), '{}') into v_seqs
    from json_array_elements(v_keys);
  perform l.seq from ${s}.live l where l.seq = any (v_seqs) order by l.seq for no key update;
  return json_build_object(
    'seqs', v_seqs, 'keys', v_keys, 'tokens', v_tokens, 'wanting', v_wanting,
    'forks', coalesce(v_forks, '[]'::json),
    'sizes', (select json_agg(json_build_array(u.seq,
        coalesce((select max(ord) from ${s}.steps o where o.seq = u.seq), 0),
        coalesce((select max(nth) from ${s}.steps o where o.seq = u.seq and nth is not null), 0)))
      from unnest(v_seqs) as u(seq)),
    'rows', (select json_agg(${stepTuple('k')}) from json_array_elements(v_keys) as q
      join ${s}.steps k on k.seq = (q.value->>0)::bigint and k.key = q.value->>1),
    'wakes', (select json_agg(json_build_array(u.value::bigint, (
        select json_agg(json_build_array(k.key, k.wake_at)) from ${s}.steps k
        where k.seq = u.value::bigint and k.wake_at is not null and k.nth is null)))
      from json_array_elements_text(p->'wakes') as u),
    'events', (select json_agg(${eventTuple('e')})
      from json_to_recordset(p->'eventIds') as x(tenant text, id text)
      join ${s}.events e on e.tenant = x.tenant and e.id = x.id),
    'open', case when p->'openEvents' is not null then (
      select coalesce(json_agg(${eventTuple('e')} order by e.n), '[]'::json) from (
        select * from ${s}.events where open = 1 order by n limit (p->>'openEvents')::integer
      ) e) end,
    'paths', (select json_agg(json_build_array(y.tenant, y.name,
        ${s}.wanted_paths(y.tenant, y.name, (p->>'pathsMax')::integer)))
      from (
        select x.tenant, x.name from json_to_recordset(p->'names') as x(tenant text, name text)
        union select e.tenant, e.name from (
          select * from ${s}.events where open = 1 order by n limit (p->>'openEvents')::integer
        ) e where p->'openEvents' is not null
      ) y),
    'lookBacks', (select json_agg(json_build_array(y.tenant, y.name, y.since, y.after,
        y.paths, y.vals, y.max, (
          select coalesce(json_agg(${eventTuple('e')} order by e.n), '[]'::json)
          from ${s}.look_back(y.tenant, y.name, y.since, y.after, y.paths, y.vals, y.max) e)))
      from (
        select x.*, coalesce(x.of, r.tenant) as tenant, coalesce(x.from_at, r.accepted_at) as since
        from (
          select q.seq, q.tenant as of, q.since as from_at, q.name, q.after, q.paths, q.vals, q.max
          from json_to_recordset(p->'lookBacks') as q(
            seq bigint, tenant text, since double precision, name text, after bigint, paths text,
            vals text, max integer)
        ) x left join ${s}.runs r on r.seq = x.seq
      ) y where y.tenant is not null),
    'tally', (select json_build_array(a, b, c) from ${s}.cells
      where kind = 'events' and key = '' order by n desc limit 1)
  );
end
$$;

create function ${s}.load_all(p json) returns json language plpgsql volatile as $$
declare
  v_steps json;
  v_base json;
begin
  if p->>'gate' = 'yes' then perform ${s}.gate(); end if;
  v_steps := ${s}.load_steps(p);
  v_base := ${s}.load((p::jsonb || jsonb_build_object(
    'gate', 'no',
    'seqs', to_jsonb(array(
      select value::bigint from json_array_elements_text(p->'seqs')
      union select value::bigint from json_array_elements_text(v_steps->'seqs'))),
    'inputs', to_jsonb(array(
      select value::bigint from json_array_elements_text(p->'inputs')
      union select (value->>0)::bigint from json_array_elements(v_steps->'forks')))
  ))::json);
  return json_build_object('base', v_base, 'steps', v_steps);
end
$$;
`;

const applySteps = (s: string): string => `
-- Texts that several rows share come once, as \`texts\`; a row names its own by \`text_at\`.
create function ${s}.apply_steps(p json) returns void language plpgsql volatile as $$
declare
  v_texts text[] := array(select json_array_elements_text(p->'texts'));
begin
  if p->'steps_in' is not null then
    insert into ${s}.steps select * from json_populate_recordset(null::${s}.steps, p->'steps_in');
  end if;
  if p->'steps_up' is not null then
    update ${s}.steps k set kind = x.kind, attempt = x.attempt, tries = x.tries,
      begun_at = x.begun_at, how = x.how, nth = x.nth, ended_at = x.ended_at,
      value = coalesce(x.value, v_texts[x.text_at]), error = x.error
    from json_to_recordset(p->'steps_up') as x(
      seq bigint, key text, kind text, attempt integer, tries integer,
      begun_at double precision, how text, nth integer, ended_at double precision, value text,
      text_at integer, error text)
    where k.seq = x.seq and k.key = x.key;
  end if;
  if p->'copies' is not null then
    insert into ${s}.steps
    select x."to", row_number() over (partition by x."to" order by k.ord), k.key, k.kind, 0,
      k.tries, k.begun_at, k.waits, k.wake_at, k.event, k.paths, k.vals, k.after_n, null, k.how,
      row_number() over (partition by x."to" order by k.nth), k.ended_at, k.value, k.error,
      k.tenant
    from json_to_recordset(p->'copies') as x(seq bigint, below integer, "to" bigint)
    join ${s}.steps k on k.seq = x.seq and k.nth is not null
      and (x.below is null or k.ord < x.below);
  end if;
  if p->'events_in' is not null then
    insert into ${s}.events
      select * from json_populate_recordset(null::${s}.events, p->'events_in');
  end if;
  if p->'events_up' is not null then
    update ${s}.events set open = 0
      where n = any (array(select value::bigint from json_array_elements_text(p->'events_up')));
  end if;
  if p->'tally' is not null then
    perform ${s}.put_cell('events', '', (p->'tally'->>0)::double precision,
      (p->'tally'->>1)::double precision, (p->'tally'->>2)::double precision, 0);
  end if;
end
$$;
`;

/** The functions by which decisions read and write steps and events. */
export const decidingStepsSql = (s: string): string => loadWaits(s) + loadSteps(s) + applySteps(s);

/**
 * Owns what schema version 3 brings for signals and declared state: two tables, how a decision
 * loads and writes signals, and how state is kept. Stored format: released migrations are never
 * edited, only followed by others.
 *
 * G1 Signals are written under the gate only, in decisions. Waits for them begin under the gate too
 *    (R2 of `recording.ts`): so a wait finds the signal, or the signal the wait.
 * G2 Both tables go with their runs: whatever deletes a run deletes them, the program of the
 *    version before included, which does not know of them.
 * G3 State is written by owners without the gate, under locked rows, as notes are.
 */
import { limits } from '../../../core/limits.ts';

const tables = (s: string): string => `
create table ${s}.signals (
  seq bigint not null references ${s}.runs (seq) on delete cascade,
  n integer not null,
  id text not null,
  name text not null,
  data text not null,
  at double precision not null,
  taken boolean not null,
  primary key (seq, n)
);
create unique index signals_id on ${s}.signals (seq, id);
create index signals_unread on ${s}.signals (seq, n) where not taken;

-- What runs declare of themselves. \`value\` is JSON.
create table ${s}.run_state (
  seq bigint not null references ${s}.runs (seq) on delete cascade,
  name text not null,
  value text not null,
  attempt integer not null,
  at double precision not null,
  primary key (seq, name)
) with (autovacuum_vacuum_cost_delay = 0);
`;

const tuple = (row: string): string =>
  `json_build_array(${['seq', 'n', 'id', 'name', 'data', 'at', 'taken']
    .map((column) => `${row}.${column}`)
    .join(', ')})`;

/**
 * `signalsTo`: runs by id, each with the id of a signal to it. `inboxes`: runs by seq, each with
 * the names that a wait takes.
 */
const load = (s: string): string => `
create function ${s}.load_signals(p json) returns json language plpgsql volatile as $$
declare
  v_run record;
  v_wait record;
  v_seqs bigint[] := '{}';
  v_runs json[] := '{}';
  v_keys text[];
  v_waits json[] := '{}';
  v_steps jsonb := coalesce((p->'steps')::jsonb, '[]'::jsonb);
  v_all json;
begin
  if p->>'gate' = 'yes' then perform ${s}.gate(); end if;
  for v_run in
    select r.seq, r.tenant, 'signal/' || r.id as event from ${s}.runs r
    where r.id = any (array(
      select distinct x.run from json_to_recordset(p->'signalsTo') as x(run text)))
    order by r.seq
  loop
    v_seqs := v_seqs || v_run.seq;
    v_runs := v_runs || json_build_array(v_run.seq, v_run.tenant, v_run.event);
    v_keys := '{}';
    for v_wait in
      select k.key, k.paths, k.ord from ${s}.steps k
      where k.tenant = v_run.tenant and k.event = v_run.event and k.event is not null
        and k.nth is null and k.seq = v_run.seq
      order by k.ord
    loop
      v_keys := v_keys || v_wait.key;
      v_waits := v_waits || json_build_array(v_run.seq, v_wait.paths, v_wait.key);
    end loop;
    v_steps := v_steps || jsonb_build_object('seq', v_run.seq, 'keys', to_jsonb(v_keys));
  end loop;
  v_all := ${s}.load_kin((p::jsonb || jsonb_build_object(
    'gate', 'no', 'stepsToo', 'yes', 'steps', v_steps,
    'seqs', to_jsonb(array(
      select value::bigint from json_array_elements_text(p->'seqs')
      union select unnest(v_seqs)))
  ))::json);
  return json_build_object('base', v_all->'base', 'steps', v_all->'steps', 'kin', v_all->'kin',
    'groups', v_all->'groups', 'starts', v_all->'starts', 'closings', v_all->'closings',
    'pages', v_all->'pages', 'signals', json_build_object(
      'runs', array_to_json(v_runs),
      'waits', array_to_json(v_waits),
      'sizes', (select json_agg(json_build_array(u.seq,
          coalesce((select max(g.n) from ${s}.signals g where g.seq = u.seq), 0),
          (select count(*) from ${s}.signals g where g.seq = u.seq and not g.taken)))
        from unnest(v_seqs) as u(seq)),
      'known', (select json_agg(${tuple('g')})
        from json_to_recordset(p->'signalsTo') as x(run text, id text)
        join ${s}.runs r on r.id = x.run
        join ${s}.signals g on g.seq = r.seq and g.id = x.id),
      'firsts', (select json_agg(json_build_array(x.seq, x.names, x.max, (
          select coalesce(json_agg(${tuple('q')} order by q.n), '[]'::json) from (
            select g.* from ${s}.signals g
            where g.seq = x.seq and not g.taken
              and g.name = any (array(select json_array_elements_text(x.names::json)))
            order by g.n limit x.max) q)))
        from json_to_recordset(p->'inboxes') as x(seq bigint, names text, max integer))));
end
$$;

create function ${s}.apply_signals(p json) returns void language plpgsql volatile as $$
begin
  update ${s}.signals g set taken = true
    from json_to_recordset(p->'takes') as x(seq bigint, n integer)
    where g.seq = x.seq and g.n = x.n;
  insert into ${s}.signals
    select * from json_populate_recordset(null::${s}.signals, p->'signals');
end
$$;
`;

const state = (s: string): string => `
-- As \`note\`, and the state first: for each item how many values were under names over the bound.
create function ${s}.note_state(p json) returns json language plpgsql volatile as $$
declare
  r record;
  w double precision;
  v_room integer;
  v_unkept json[] := '{}';
  v_count integer;
begin
  perform l.seq from ${s}.live l
    where l.seq in (select x.seq from json_to_recordset(p) as x(seq bigint))
    order by l.seq for no key update;
  w := ${s}.wall();
  for r in
    select x.*, l.seq is not null as holds
    from json_to_recordset(p) as x(
      ord integer, seq bigint, fence bigint, attempt integer, state json)
    left join ${s}.live l on l.seq = x.seq and l.fence = x.fence and l.stage = 5
    order by x.ord
  loop
    v_count := 0;
    if r.holds and r.state is not null then
      update ${s}.run_state k set value = x.value, attempt = r.attempt, at = w
        from json_to_recordset(r.state) as x(name text, value text)
        where k.seq = r.seq and k.name = x.name;
      v_room := greatest(0, ${limits.stateNamesMax} - (
        select count(*) from ${s}.run_state k where k.seq = r.seq)::integer);
      with fresh as (
        select x.name, x.value, row_number() over (order by x.nth) as nth
        from rows from (json_to_recordset(r.state) as (name text, value text)) with ordinality
          as x(name, value, nth)
        where not exists (
          select 1 from ${s}.run_state k where k.seq = r.seq and k.name = x.name)
      ), kept as (
        insert into ${s}.run_state (seq, name, value, attempt, at)
        select r.seq, f.name, f.value, r.attempt, w from fresh f where f.nth <= v_room
      )
      select count(*) into v_count from fresh f where f.nth > v_room;
    end if;
    v_unkept := v_unkept || to_json(v_count);
  end loop;
  return json_build_object('unkept', array_to_json(v_unkept), 'notes', ${s}.note(p));
end
$$;
`;

/** What version 3 brings here. */
export const migrationSignals = (s: string): string => tables(s) + load(s) + state(s);

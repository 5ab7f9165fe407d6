/**
 * Owns what schema version 3 adds for runs that start runs: the tables, what happens in them when a
 * run of a family ends, and how decisions read and write them.
 *
 * F1 A run of a family is marked in `live`. When it ends, in whatever way, also by a program of the
 *    version before, a trigger closes its row of `kin` and writes down what is left to be done. For
 *    all other runs the trigger is one look at a column that is null.
 * F2 The last child of a group to end leaves a closing, the others none. Ends pass one after the
 *    other (J3 of the clocks), so that somebody is the last.
 * F3 Open children are looked for from the greatest index: those that end first, and their dead
 *    entries, lie behind it.
 * F4 `succeed_kin` is `succeed_plain`, and tells whether that left something to be done.
 * F5 A child whose parent may still ask for it, and a run with something left to be done, is not
 *    pruned.
 */
import { kinColumnList } from '../../kin-tuple.ts';

const tables = (s: string): string => `
-- One row for each run that has a parent or children. \`parent\`, \`grp\` and \`idx\` stand
-- together, or nobody started it. \`open\`: it is unfinished. \`parent_open\`: its parent may
-- still ask for it.
create table ${s}.kin (
  seq bigint not null primary key,
  parent bigint,
  grp text,
  idx integer not null,
  close text not null,
  depth integer not null,
  open smallint not null,
  parent_open smallint not null,
  children smallint not null
) with (autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_scale_factor = 0.05, fillfactor = 80);
create index kin_parent on ${s}.kin (parent, seq) where parent is not null;
create unique index kin_group on ${s}.kin (parent, grp, idx) where parent is not null;
create index kin_open on ${s}.kin (parent, grp, idx) where parent is not null and open = 1;

-- What is left to be done for the family of a run that ended, or was asked to stop: its children up
-- to the seq \`after\` have been told, and those behind \`upto\` are not concerned.
create table ${s}.closings (
  seq bigint not null primary key,
  how text not null,
  after bigint not null,
  upto bigint
) with (autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_threshold = 1000);

alter table ${s}.live add column if not exists kin smallint;
`;

const ending = (s: string): string => `
create function ${s}.kin_ended() returns trigger language plpgsql volatile as $$
declare
  v record;
begin
  update ${s}.kin set open = 0 where seq = old.seq and open = 1
    returning parent, grp, parent_open, children into v;
  if not found then return null; end if;
  if v.children = 0 then
    if v.parent is null or v.parent_open = 0 then return null; end if;
    perform 1 from ${s}.kin k
      where k.parent = v.parent and k.grp = v.grp and k.open = 1 order by k.idx desc limit 1;
    if found then return null; end if;
  end if;
  insert into ${s}.closings (seq, how, after, upto) values (old.seq, 'end', 0, null)
    on conflict (seq) do update set how = 'end', after = 0, upto = null;
  perform set_config('holdfast.family', '1', true);
  return null;
end
$$;
create trigger kin_gone after delete on ${s}.live for each row
  when (old.kin is not null and old.stage <> 8) execute function ${s}.kin_ended();
create trigger kin_lingers after update of stage on ${s}.live for each row
  when (new.kin is not null and new.stage = 8 and old.stage <> 8)
  execute function ${s}.kin_ended();

-- As succeed_plain; in an object, if a sweep has something to do for families.
create function ${s}.succeed_kin(p_seqs bigint[], p_fences bigint[], p_results text[])
returns json language plpgsql volatile as $$
declare
  v_ended json := ${s}.succeed_plain(p_seqs, p_fences, p_results);
begin
  if current_setting('holdfast.family', true) = '1' then
    return json_build_object('ended', v_ended);
  end if;
  return v_ended;
end
$$;
`;

const tuple = (alias: string): string =>
  kinColumnList.map((column) => `${alias}.${column}`).join(', ');

/** `where` says which closings may be there at all. */
export const loadClosings = (s: string, where: string): string => `
-- What is left to be done first, and what doing it will look at: \`wants\` for \`load_all\`.
create function ${s}.load_closings(p json) returns json language plpgsql volatile as $$
declare
  v_closings json;
  v_seqs bigint[];
  v_more bigint[];
  v_steps json;
  v_pages json;
begin
  select json_agg(json_build_array(q.seq, q.how, q.after, q.upto) order by q.seq),
    array_agg(q.seq) into v_closings, v_seqs
  from (select * from ${s}.closings ${where}order by seq limit (p->>'closings')::integer) q;
  if v_seqs is null then return null; end if;
  select json_agg(json_build_object('seq', k.parent, 'keys', json_build_array('child/' || k.grp))),
    array_agg(k.parent) into v_steps, v_more
  from ${s}.kin k where k.seq = any (v_seqs) and k.parent is not null and k.parent_open = 1;
  v_more := v_seqs || v_more || array(
    select k.parent from ${s}.kin k where k.seq = any (v_seqs) and k.parent is not null);
  with page as materialized (
    select c.seq, array(
      select o.seq from ${s}.kin o where o.parent = c.seq and o.seq > c.after
        and (c.upto is null or o.seq <= c.upto)
      order by o.seq
      limit greatest(1, (p->>'closingRows')::integer / cardinality(v_seqs))
    ) as seqs
    from ${s}.closings c where c.seq = any (v_seqs)
  )
  select json_agg(json_build_array(seq, seqs)), v_more || array(select unnest(seqs) from page)
  into v_pages, v_more from page;
  return json_build_object('closings', v_closings, 'pages', v_pages, 'seqs', v_more,
    'steps', coalesce(v_steps, '[]'::json));
end
$$;
`;

const loading = (s: string): string => `${loadClosings(s, '')}
create function ${s}.load_kin(p json) returns json language plpgsql volatile as $$
declare
  v_wants json := p;
  v_left json;
  v_all json;
  v_seqs bigint[];
begin
  if p->'closings' is not null then
    perform ${s}.gate();
    v_left := ${s}.load_closings(p);
  end if;
  if v_left is not null then
    v_wants := (p::jsonb || jsonb_build_object(
      'seqs', coalesce((p->'seqs')::jsonb, '[]') || (v_left->'seqs')::jsonb,
      'steps', coalesce((p->'steps')::jsonb, '[]') || (v_left->'steps')::jsonb))::json;
  end if;
  if v_left is not null or p->>'stepsToo' = 'yes' then
    v_all := ${s}.load_all(v_wants);
  else
    v_all := json_build_object('base', ${s}.load(v_wants), 'steps', null);
  end if;
  if json_typeof(v_all->'base'->'rows') = 'array' then
    select array_agg((value->>0)::bigint) into v_seqs
      from json_array_elements(v_all->'base'->'rows');
  end if;
  v_seqs := coalesce(v_seqs, '{}');
  return json_build_object(
    'base', v_all->'base', 'steps', v_all->'steps',
    'kin', (select json_agg(json_build_array(${tuple('k')}, case when k.children = 1 then (
        select o.seq from ${s}.kin o where o.parent = k.seq order by o.seq desc limit 1) end))
      from ${s}.kin k where k.seq = any (v_seqs)),
    'groups', (select json_agg(json_build_array(g.parent, g.grp, (select count(*) from (
        select 1 from ${s}.kin o where o.parent = g.parent and o.grp = g.grp and o.open = 1
        order by o.idx desc limit cardinality(v_seqs) + 1) q)))
      from (
        select k.parent, k.grp from ${s}.kin k
          where k.seq = any (v_seqs) and k.parent is not null and k.parent_open = 1
        union
        select x.seq, x."group" from json_to_recordset(p->'groups') as x(seq bigint, "group" text)
      ) g),
    'starts', (select json_agg(json_build_array(r.seq, (
        select t.key from (select distinct o.grp from ${s}.kin o
          where o.parent = r.seq and o.open = 1) o
        join ${s}.steps t on t.seq = r.seq and t.key = 'start/' || o.grp
        order by t.ord limit 1)))
      from json_to_recordset(p->'forks') as x(id text) join ${s}.runs r on r.id = x.id),
    'closings', v_left->'closings',
    'pages', v_left->'pages'
  );
end
$$;

create function ${s}.apply_kin(p json) returns void language plpgsql volatile as $$
begin
  if p->'kin_in' is not null then
    insert into ${s}.kin select * from json_populate_recordset(null::${s}.kin, p->'kin_in');
    update ${s}.live l set kin = 1
      from json_populate_recordset(null::${s}.kin, p->'kin_in') r
      where l.seq = r.seq and l.kin is null;
  end if;
  if p->'kin_up' is not null then
    update ${s}.kin k set open = r.open, parent_open = r.parent_open, children = r.children
    from json_populate_recordset(null::${s}.kin, p->'kin_up') r where k.seq = r.seq
      and (k.open, k.parent_open, k.children) <> (r.open, r.parent_open, r.children);
  end if;
  if p->'closings_in' is not null then
    insert into ${s}.closings
      select * from json_populate_recordset(null::${s}.closings, p->'closings_in')
      on conflict (seq) do update set how = excluded.how, after = excluded.after,
        upto = excluded.upto;
  end if;
  if p->'closings_out' is not null then
    delete from ${s}.closings where seq = any (
      array(select value::bigint from json_array_elements_text(p->'closings_out')));
  end if;
end
$$;
`;

const pruning = (s: string): string => `
-- As before, and F5.
create or replace function ${s}.prune_runs(
  p_outcome integer, p_kept_ms double precision, p_max integer
) returns integer language plpgsql volatile as $$
declare
  v_before double precision := ${s}.wall() - p_kept_ms;
  v_seqs bigint[];
begin
  select array_agg(seq) into v_seqs from (
    select e.seq from ${s}.ended e
    where e.outcome = p_outcome and e.finished_at < v_before
      and not exists (select 1 from ${s}.live l where l.seq = e.seq)
      and not exists (select 1 from ${s}.kin k where k.seq = e.seq and k.parent_open = 1)
      and not exists (select 1 from ${s}.closings c where c.seq = e.seq)
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
  delete from ${s}.kin where seq = any (v_seqs);
  return cardinality(v_seqs);
end
$$;
`;

/** Everything that version 3 brings for families. */
export const familiesSql = (s: string): string => tables(s) + ending(s) + loading(s) + pruning(s);

/**
 * Owns what schema version 3 adds for flow control and dead letters.
 *
 * F1 What flow control keeps for a key changes with every start of it. It is kept as cells are (M2
 *    of `tables.ts`): its number `n` is part of the primary key, and whoever read it writes behind
 *    it, so that nobody walks a chain of dead versions.
 * F2 A dead letter is a row of its own beside its run. Triggers keep it, so that nodes of the
 *    version before leave none out; for every other end of a run they cost one comparison.
 * F3 Everything here is read and written under the gate, but for the list, which only looks.
 */
import { flowStartSql } from './flow-start.ts';

/** When a row about a run is looked at again, as pruning on the embedded stores has it. */
const runLookMs = 300_000;
const runLookGrowth = 3;

/** Outcomes that make dead letters: failed, timed-out, lost. */
const badly = 'outcome in (2, 4, 6)';

const tables = (s: string): string => `
-- What flow control keeps for each key of a term. \`state\` is JSON; \`seq\` is the run that it is
-- about; an empty \`tenant\` stands for all, an empty \`key\` for all inputs.
create table ${s}.flows (
  fn text not null,
  tenant text not null,
  key text not null,
  term text not null,
  n bigint not null,
  state text not null,
  seq bigint,
  expires_at double precision not null,
  primary key (fn, tenant, key, term, n)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
create index flows_expiry on ${s}.flows (expires_at);

-- Ended runs that failed, timed out or were lost, and that nobody has dealt with.
create table ${s}.dead (
  seq bigint not null primary key,
  fn text not null,
  tenant text not null
);
create index dead_fn on ${s}.dead (fn, seq);
create index dead_tenant on ${s}.dead (tenant, seq);
create index dead_tenant_fn on ${s}.dead (tenant, fn, seq);
insert into ${s}.dead
  select e.seq, r.fn, r.tenant from ${s}.ended e join ${s}.runs r on r.seq = e.seq
  where e.${badly} and not exists (select 1 from ${s}.runs x where x.retry_of = r.id);

create function ${s}.dead_in() returns trigger language plpgsql volatile as $$
begin
  insert into ${s}.dead select r.seq, r.fn, r.tenant from ${s}.runs r where r.seq = new.seq;
  return null;
end
$$;
create function ${s}.dead_out() returns trigger language plpgsql volatile as $$
begin
  delete from ${s}.dead where seq = old.seq;
  return null;
end
$$;
create trigger dead_in after insert on ${s}.ended
  for each row when (new.${badly}) execute function ${s}.dead_in();
create trigger dead_out after delete on ${s}.ended
  for each row when (old.${badly}) execute function ${s}.dead_out();
`;

const deciding = (s: string): string => `
-- \`load_kin\`, or \`load_signals\`, with what flow control keeps at the places that are asked for,
-- the runs that it is about, and which of the asked runs are dead letters.
create function ${s}.load_flows(p json) returns json language plpgsql volatile as $$
declare
  v_flows json;
  v_seqs bigint[];
  v_wants json;
  v_all json;
begin
  if p->>'gate' = 'yes' then perform ${s}.gate(); end if;
  select json_agg(json_build_array(f.fn, f.tenant, f.key, f.term, f.n, f.state, f.seq,
      f.expires_at)), array_agg(f.seq) filter (where f.seq is not null)
  into v_flows, v_seqs
  from (
    select distinct fn, tenant, key, term
    from json_to_recordset(p->'flows') as q(fn text, tenant text, key text, term text)
  ) x
  cross join lateral (
    select * from ${s}.flows o
    where o.fn = x.fn and o.tenant = x.tenant and o.key = x.key and o.term = x.term
    order by o.n desc limit 1
  ) f;
  v_wants := (p::jsonb || jsonb_build_object(
    'gate', 'no',
    'seqs', to_jsonb(array(
      select value::bigint from json_array_elements_text(p->'seqs')
      union select unnest(coalesce(v_seqs, '{}'))))
  ))::json;
  v_all := case when p->'signalsTo' is null and p->'inboxes' is null
    then ${s}.load_kin(v_wants) else ${s}.load_signals(v_wants) end;
  return json_build_object('base', v_all->'base', 'steps', v_all->'steps', 'kin', v_all->'kin',
    'groups', v_all->'groups', 'starts', v_all->'starts', 'closings', v_all->'closings',
    'pages', v_all->'pages', 'signals', v_all->'signals',
    'flows', json_build_object(
      'flows', v_flows, 'seqs', coalesce(v_seqs, '{}'),
      'dead', (select json_agg(d.seq) from ${s}.dead d join ${s}.runs r on r.seq = d.seq
        where r.id = any (array(select json_array_elements_text(p->'deadIds')))),
      'kept', coalesce((select a from ${s}.cells
        where kind = 'flows' and key = '' order by n desc limit 1), 0)));
end
$$;

create function ${s}.apply_flows(p json) returns void language plpgsql volatile as $$
declare
  v_rows bigint;
begin
  if p->'in' is not null then
    insert into ${s}.flows select * from json_populate_recordset(null::${s}.flows, p->'in');
  end if;
  if p->'up' is not null then
    update ${s}.flows f set n = f.n + 1, state = x.state, seq = x.seq, expires_at = x.expires_at
    from json_populate_recordset(null::${s}.flows, p->'up') x
    where f.fn = x.fn and f.tenant = x.tenant and f.key = x.key and f.term = x.term and f.n = x.n;
    get diagnostics v_rows = row_count;
    if v_rows <> json_array_length(p->'up') then
      raise exception 'holdfast: % of % rows were there', v_rows, json_array_length(p->'up');
    end if;
  end if;
  if p->'kept' is not null then
    perform ${s}.put_cell('flows', '', (p->>'kept')::double precision, 0, 0, 0);
  end if;
  if p->'inputs' is not null then
    update ${s}.runs r set input = x.input
    from json_to_recordset(p->'inputs') as x(seq bigint, input text) where r.seq = x.seq;
  end if;
  if p->'dead_out' is not null then
    delete from ${s}.dead
      where seq = any (array(select value::bigint from json_array_elements_text(p->'dead_out')));
  end if;
end
$$;
`;

const pruning = (s: string): string => `
-- Forgets what says nothing any more; gives how many rows were looked at. Rows about runs that go
-- on are looked at ever more seldom.
create function ${s}.prune_flows(p_max integer) returns integer language plpgsql volatile as $$
declare
  w double precision := ${s}.wall();
  v_gone integer;
  v_later integer;
  v_kept double precision;
begin
  -- Without anything to do it takes no gate.
  if not exists (select 1 from ${s}.flows where expires_at <= w) then return 0; end if;
  perform ${s}.gate();
  with old as materialized (
    select f.ctid as place, f.term = 'unique' and l.seq is not null and l.stage <> 8 as goes_on,
      r.accepted_at
    from (select ctid, * from ${s}.flows where expires_at <= w
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
  select (select count(*) from gone), (select count(*) from later) into v_gone, v_later;
  if v_gone > 0 then
    select a into v_kept from ${s}.cells
      where kind = 'flows' and key = '' order by n desc limit 1;
    perform ${s}.put_cell('flows', '', greatest(0, coalesce(v_kept, 0) - v_gone), 0, 0, 0);
  end if;
  return v_gone + v_later;
end
$$;
`;

export const migrationFlow = (s: string): string =>
  tables(s) + deciding(s) + pruning(s) + flowStartSql(s);

/**
 * Owns `apply`: writes what a verb of the embedded stores has changed, in the transaction whose
 * `load` it decided upon.
 *
 * A1 It changes exactly the rows that it is given. A row that should be there and is not is a
 *    defect: the transaction fails and nothing is written.
 * A2 Nobody is declared dead who has renewed its lease since that was decided: then everything is
 *    decided anew. Beats do not wait for the gate.
 * A3 Whatever stands at the last gate after it lies behind its queue's floor.
 * A4 A program that knows of no pins writes rows without one: they stay pinned as they are. Who
 *    takes a pin away says so by `unpinned`.
 */
export const applySql = (s: string): string => `
create function ${s}.apply(p json) returns void language plpgsql volatile as $$
declare
  v_rows bigint;
  v_fns text[];
  v_ranks double precision[];
begin
  if p->'runs' is not null then
    perform ${s}.policies_there(array(
      select distinct x.policy from json_to_recordset(p->'runs') as x(policy bigint)));
    insert into ${s}.runs select * from json_populate_recordset(null::${s}.runs, p->'runs');
  end if;
  if p->'live_in' is not null then
    insert into ${s}.live select * from json_populate_recordset(null::${s}.live, p->'live_in');
  end if;
  if p->'live_up' is not null then
    update ${s}.live l set
      fn = case when strpos(r.fn, chr(31)) > 0 then r.fn else l.fn end,
      stage = r.stage, attempt = r.attempt, fence = r.fence, failures = r.failures,
      crashes = r.crashes, lane_held = r.lane_held, tenant_held = r.tenant_held,
      due_at = r.due_at, rank = r.rank, tag = r.tag, wait_key = r.wait_key, owner = r.owner,
      started_at = r.started_at, stop_cause = r.stop_cause, stop_reason = r.stop_reason,
      stop_since = r.stop_since, overdue_at = r.overdue_at, overdue_cause = r.overdue_cause,
      finished_at = r.finished_at, error = r.error
    from json_populate_recordset(null::${s}.live, p->'live_up') r where l.seq = r.seq;
    get diagnostics v_rows = row_count;
    if v_rows <> json_array_length(p->'live_up') then
      raise exception 'holdfast: % of % rows were there', v_rows, json_array_length(p->'live_up');
    end if;
  end if;
  if p->'unpinned' is not null then
    update ${s}.live l set fn = r.fn from ${s}.runs r
      where r.seq = l.seq and l.seq = any (array(
        select value::bigint from json_array_elements_text(p->'unpinned')));
  end if;
  if p->'live_out' is not null then
    delete from ${s}.live
      where seq = any (array(select value::bigint from json_array_elements_text(p->'live_out')));
    get diagnostics v_rows = row_count;
    if v_rows <> json_array_length(p->'live_out') then
      raise exception 'holdfast: % of % rows were there', v_rows, json_array_length(p->'live_out');
    end if;
  end if;
  if p->'ended' is not null then
    insert into ${s}.ended select * from json_populate_recordset(null::${s}.ended, p->'ended');
  end if;
  if p->'attempts' is not null then
    insert into ${s}.attempts
      select * from json_populate_recordset(null::${s}.attempts, p->'attempts');
  end if;
  if p->'trims' is not null then
    delete from ${s}.attempts a using (
      select x.seq, (select max(attempt) from ${s}.attempts m where m.seq = x.seq) - x.keep as upto
      from json_to_recordset(p->'trims') as x(seq bigint, keep integer)
    ) t where a.seq = t.seq and a.attempt <= t.upto;
  end if;
  if p->'terms' is not null then
    insert into ${s}.tenants select * from json_populate_recordset(null::${s}.tenants, p->'terms')
      on conflict (tenant) do update set weight = excluded.weight,
        running_max = excluded.running_max, waiting_max = excluded.waiting_max;
  end if;
  if p->'cells' is not null then
    perform ${s}.put_cell(x.kind, x.key, x.a, x.b, x.c, x.d)
    from json_to_recordset(p->'cells') as x(kind text, key text, a double precision,
      b double precision, c double precision, d double precision);
  end if;
  if p->'pauses_in' is not null then
    insert into ${s}.pauses select * from json_populate_recordset(null::${s}.pauses, p->'pauses_in')
      on conflict (kind, key) do update set reason = excluded.reason, since = excluded.since;
  end if;
  if p->'pauses_out' is not null then
    delete from ${s}.pauses u
      using json_to_recordset(p->'pauses_out') as x(kind text, key text)
      where u.kind = x.kind and u.key = x.key;
  end if;
  if p->'nodes_in' is not null then
    insert into ${s}.nodes select * from json_populate_recordset(null::${s}.nodes, p->'nodes_in');
  end if;
  if p->'nodes_up' is not null then
    -- Not the renewal: a beat may have written it meanwhile.
    update ${s}.nodes n set state = r.state, ended_at = r.ended_at
      from json_populate_recordset(null::${s}.nodes, p->'nodes_up') r where n.node = r.node
        and (r.state <> 'dead' or n.renewed_at = r.renewed_at);
    get diagnostics v_rows = row_count;
    if v_rows <> json_array_length(p->'nodes_up') then
      raise exception using errcode = 'serialization_failure',
        message = 'holdfast: a node renewed its lease while it was declared dead';
    end if;
  end if;
  if p->'nodes_out' is not null then
    delete from ${s}.nodes
      where node = any (array(select value::bigint from json_array_elements_text(p->'nodes_out')));
  end if;
  perform ${s}.count_live(coalesce((p->>'live')::bigint, 0));
  select array_agg(fn), array_agg(rank) into v_fns, v_ranks from (
    select fn, rank from json_populate_recordset(null::${s}.live, p->'live_in') where stage = 4
    union all
    select l.fn, l.rank from json_populate_recordset(null::${s}.live, p->'live_up') r
      join ${s}.live l on l.seq = r.seq where r.stage = 4
  ) placed;
  if v_fns is not null then perform ${s}.lower_floors(v_fns, v_ranks); end if;
end
$$;
`;

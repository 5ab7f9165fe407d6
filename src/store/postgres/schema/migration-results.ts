/**
 * Owns what schema version 3 adds for steps that share a transaction with their code: a row for
 * each that stands for it. Stored format.
 *
 * R1 The row is inserted before the code is called, and gets its value before the commit. Its key
 *    is unique: whoever executes the same step meanwhile waits for this transaction, and finds the
 *    value, or does it.
 * R2 A row without a value is never committed, whoever sends the commit: a constraint trigger looks
 *    at the end. It reads no table, so that serializable transactions do not meet in one of ours.
 * R3 Nothing here takes the gate, nor a lock on rows of runs: the fence is looked at, twice.
 * R4 Rows go with their run, by a trigger: whatever deletes runs need not know of them. What a
 *    stale owner commits in the very moment in which its run is pruned would stay, and harm nobody.
 */
export const migrationResults = (s: string): string => `
-- What steps gave that were committed together with what their code wrote. \`value\` is JSON.
create table ${s}.step_results (
  seq bigint not null,
  key text not null,
  fence bigint not null,
  at double precision not null,
  value text,
  primary key (seq, key)
) with (
  fillfactor = 80,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_vacuum_insert_scale_factor = 0.2
);

-- Where the row stands, for keep_result; or the value that is there already; or that the fence is
-- over. Waits for whoever does the same step in a transaction that is open.
create function ${s}.begin_result(p_seq bigint, p_key text, p_fence bigint)
returns json language plpgsql volatile as $$
declare
  v_place tid;
begin
  insert into ${s}.step_results (seq, key, fence, at)
    values (p_seq, p_key, p_fence, ${s}.wall())
    on conflict (seq, key) do nothing returning ctid into v_place;
  if v_place is null then
    return (select json_build_object('value', r.value) from ${s}.step_results r
      where r.seq = p_seq and r.key = p_key);
  end if;
  if not exists (
    select 1 from ${s}.live l where l.seq = p_seq and l.fence = p_fence and l.stage = 5
  ) then return json_build_object('stale', true); end if;
  return json_build_object('place', v_place::text);
end
$$;

-- Gives the row its value; false: the fence is over, and nothing may be committed.
create function ${s}.keep_result(
  p_place text, p_seq bigint, p_key text, p_fence bigint, p_value text
) returns boolean language plpgsql volatile as $$
begin
  if not exists (
    select 1 from ${s}.live l where l.seq = p_seq and l.fence = p_fence and l.stage = 5
  ) then return false; end if;
  update ${s}.step_results set value = p_value where ctid = p_place::tid;
  if not found then
    raise exception 'holdfast: the row of the step % is not where it was', p_key;
  end if;
  perform set_config('holdfast.kept', p_seq || ' ' || p_key, true);
  return true;
end
$$;

create function ${s}.result_kept() returns trigger language plpgsql as $$
begin
  if current_setting('holdfast.kept', true) is distinct from new.seq || ' ' || new.key then
    raise exception using errcode = 'HF002', message =
      'holdfast: the transaction of a step is ended by the step, not by its code';
  end if;
  return null;
end
$$;
create constraint trigger step_results_kept after insert on ${s}.step_results
  deferrable initially deferred for each row execute function ${s}.result_kept();

create function ${s}.prune_results() returns trigger language plpgsql as $$
begin
  delete from ${s}.step_results where seq = any (array(select g.seq from gone g));
  return null;
end
$$;
create trigger runs_gone after delete on ${s}.runs
  referencing old table as gone for each statement execute function ${s}.prune_results();
`;

/**
 * Owns the views and functions by which the database is looked at. Nothing here writes or takes the
 * gate.
 */

export const readsSql = (s: string): string => `
-- Whether a sweep would find something, and when the passing of time changes something next.
create function ${s}.to_sweep() returns json language plpgsql volatile as $$
declare
  w double precision := ${s}.wall();
  j double precision := ${s}.judge();
  v_next double precision := ${s}.next_due(w, j);
begin
  return json_build_object(
    'next', v_next,
    'inbox', exists (select 1 from ${s}.inbox),
    'due', coalesce(v_next <= w, false) or exists (
      select 1 from ${s}.live where overdue_at is not null and overdue_at <= j)
  );
end
$$;

-- Runs by stage, and ended ones by outcome.
create function ${s}.tally() returns json language sql volatile as $$
  select json_build_object(
    'stages', (select json_agg(json_build_array(stage, times)) from (
      select l.stage, count(*) as times from ${s}.live l where l.stage <> 8 group by l.stage) q),
    'outcomes', (select json_agg(json_build_array(outcome, times)) from (
      select outcome, count(*) as times from ${s}.ended group by outcome) q)
  )
$$;
`;

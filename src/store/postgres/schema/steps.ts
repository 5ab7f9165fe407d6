/**
 * Owns the tables of steps and events. Stored format: released migrations are never edited, only
 * followed by others.
 *
 * S1 A wait is open while `waits = 1 and nth is null`; only open waits stand in the indexes by what
 *    they are for.
 * S2 What may be longer than an entry of an index is found by its hash, and compared then.
 * S3 The number of the last event, how many are kept, and when the last one came, are a cell, which
 *    changes only under the gate. Times of events grow with their numbers, so that the index by
 *    name and time is also the order by number.
 */
import { limits } from '../../../core/limits.ts';

/**
 * For functions that read the beginning of a range: the first rows of an index in its order, and
 * never all that are in the range, sorted then.
 */
export const inIndexOrder = 'set enable_bitmapscan = off set enable_sort = off';

const tables = (s: string): string => `
-- What the code of a run has done, and what it waits for. \`error\` is JSON; so are \`value\`,
-- \`paths\` and \`vals\`. \`tenant\` is set where \`event\` is.
create table ${s}.steps (
  seq bigint not null,
  ord integer not null,
  key text not null,
  kind text not null,
  attempt integer not null,
  tries integer not null,
  begun_at double precision not null,
  waits smallint not null,
  wake_at double precision,
  event text,
  paths text,
  vals text,
  after_n bigint,
  token text,
  how text,
  nth integer,
  ended_at double precision,
  value text,
  error text,
  tenant text,
  primary key (seq, key)
) with (
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_vacuum_insert_scale_factor = 0.2
);
create unique index steps_ord on ${s}.steps (seq, ord);
-- The order of ends within a run.
create unique index steps_nth on ${s}.steps (seq, nth) where nth is not null;
-- When a run goes on at the latest.
create index steps_wake on ${s}.steps (seq, wake_at) where wake_at is not null and nth is null;
-- Who waits for an event.
create index steps_wanting on ${s}.steps
  (tenant, event, hashtextextended(paths, 0), hashtextextended(vals, 0), seq, ord)
  where event is not null and nth is null;
create unique index steps_token on ${s}.steps (token) where token is not null;

create table ${s}.events (
  n bigint not null primary key,
  tenant text not null,
  id text not null,
  name text not null,
  data text not null,
  at double precision not null,
  open smallint not null
) with (autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_insert_scale_factor = 0.2);
create unique index events_id on ${s}.events (tenant, id);
create index events_name on ${s}.events (tenant, name, at, n);
create index events_open on ${s}.events (n) where open = 1;
insert into ${s}.cells (kind, key, n, a, b, c) values ('events', '', 1, 0, 0, 0);
`;

const looking = (s: string): string => `
-- False: the data surely does not have these values. What is nested too deep to be looked into is
-- left to whoever asks.
create function ${s}.event_meets(p_data text, p_paths text, p_vals text)
returns boolean language plpgsql immutable as $$
declare
  v_data json;
  v_paths json := p_paths;
  v_vals json := p_vals;
begin
  if p_paths = '[]' then return true; end if;
  v_data := p_data;
  for i in 0 .. json_array_length(v_paths) - 1 loop
    if (v_data #> string_to_array(v_paths->>i, '.'))::text is distinct from (v_vals->i)::text then
      return false;
    end if;
  end loop;
  return true;
exception when others then
  return true;
end
$$;

-- Events that a wait may be for: of those since a time and behind a number, the oldest.
create function ${s}.look_back(
  p_tenant text, p_name text, p_since double precision, p_after bigint, p_paths text, p_vals text,
  p_max integer
) returns setof ${s}.events language plpgsql volatile ${inIndexOrder} as $$
declare
  v_from double precision := greatest(p_since, coalesce(
    (select e.at from ${s}.events e where e.n = p_after), p_since));
begin
  return query select q.* from (
    select e.* from ${s}.events e
    where e.tenant = p_tenant and e.name = p_name and e.at >= v_from and e.n > p_after
    order by e.at, e.n limit ${limits.eventLookBackRowsMax}
  ) q where ${s}.event_meets(q.data, p_paths, p_vals) order by q.at, q.n limit p_max;
end
$$;

-- The distinct paths of open waits for an event. Each time from behind the last: the cost is that
-- of the distinct ones.
create function ${s}.wanted_paths(p_tenant text, p_name text, p_max integer)
returns text[] language plpgsql volatile ${inIndexOrder} as $$
declare
  v_found text[] := '{}';
  v_paths text;
  v_hash bigint;
begin
  select paths, hashtextextended(paths, 0) into v_paths, v_hash from ${s}.steps
    where tenant = p_tenant and event = p_name and event is not null and nth is null
    order by hashtextextended(paths, 0) limit 1;
  while v_paths is not null and cardinality(v_found) < p_max loop
    v_found := v_found || v_paths;
    select paths, hashtextextended(paths, 0) into v_paths, v_hash from ${s}.steps
      where tenant = p_tenant and event = p_name and event is not null and nth is null
        and hashtextextended(paths, 0) > v_hash
      order by hashtextextended(paths, 0) limit 1;
  end loop;
  return v_found;
end
$$;
`;

/** The tables, and how they are looked at. */
export const stepsSql = (s: string): string => tables(s) + looking(s);

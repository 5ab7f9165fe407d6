/**
 * Owns what schema version 4 mends about sweeps: each asks whether closings are left to be done and
 * runs to be accepted, and must not walk over the dead entries of all that were while somebody
 * holds a snapshot.
 *
 * C1 The cell `closings` is a floor: no closing stands at it or before. Who adds one there lowers
 *    it, and who takes some away raises it. Both happen under the gate, or behind the door of ends
 *    in it, so that one comes after the other.
 * C2 Triggers do it, whoever adds and takes away: also a program of the version before.
 * C3 The cell `settled` is the floor of the inbox: no run stands at it or before, and none will
 *    appear there. Transactions of others may commit a number long after a greater one was
 *    accepted. So a number is a candidate first, with the next transaction id of that moment, and
 *    becomes the floor once all transactions with lesser ids are over. Whoever draws a number has
 *    an id before.
 */
import { loadClosings } from './families.ts';
import { anew } from './migration-traces.ts';

const closings = (s: string): string => `
create function ${s}.closings_floor() returns bigint language plpgsql volatile as $$
begin
  return coalesce((select a from ${s}.cells
    where kind = 'closings' and key = '' order by n desc limit 1), 0)::bigint;
end
$$;

create function ${s}.closing_added() returns trigger language plpgsql volatile as $$
begin
  if new.seq <= ${s}.closings_floor() then
    perform ${s}.put_cell('closings', '', new.seq - 1, 0, 0, 0);
  end if;
  return null;
end
$$;
create trigger closing_added after insert on ${s}.closings
  for each row execute function ${s}.closing_added();

create function ${s}.closings_done() returns trigger language plpgsql volatile as $$
declare
  v_floor bigint := ${s}.closings_floor();
  v_to bigint := coalesce(
    (select c.seq - 1 from ${s}.closings c where c.seq > v_floor order by c.seq limit 1),
    (select max(g.seq) from gone g));
begin
  if v_to > v_floor then perform ${s}.put_cell('closings', '', v_to, 0, 0, 0); end if;
  return null;
end
$$;
create trigger closings_done after delete on ${s}.closings
  referencing old table as gone for each statement execute function ${s}.closings_done();

${anew(loadClosings(s, `where seq > (select ${s}.closings_floor()) `))}`;

const inbox = (s: string): string => `
create function ${s}.inbox_settled() returns bigint language plpgsql volatile as $$
begin
  return coalesce((select a from ${s}.cells
    where kind = 'settled' and key = '' order by n desc limit 1), 0)::bigint;
end
$$;

-- A sweep has accepted what it could up to this number. Under the gate.
create function ${s}.inbox_on(p_last bigint) returns void language plpgsql volatile as $$
declare
  v record;
  v_first bigint;
  v_xmin double precision := pg_snapshot_xmin(pg_current_snapshot())::text;
  v_xmax double precision := pg_snapshot_xmax(pg_current_snapshot())::text;
begin
  perform ${s}.put_cell('inbox', '', p_last, 0, 0, 0);
  select a, b, c into v from ${s}.cells
    where kind = 'settled' and key = '' order by n desc limit 1;
  -- An id that is yet to come is one of another server, from which this database was restored.
  if v.c > v_xmin and v.c <= v_xmax then return; end if;
  select i.n into v_first from ${s}.inbox i where i.n > coalesce(v.a, 0) order by i.n limit 1;
  perform ${s}.put_cell('settled', '',
    greatest(coalesce(v.a, 0), least(coalesce(v.b, 0), v_first - 1)), p_last, v_xmax, 0);
end
$$;

-- C3, before the statement draws its numbers.
create function ${s}.inbox_by() returns trigger language plpgsql volatile as $$
begin
  perform pg_current_xact_id();
  return null;
end
$$;
create trigger inbox_by before insert on ${s}.inbox
  for each statement execute function ${s}.inbox_by();

create function ${s}.closings_left() returns boolean language plpgsql volatile as $$
begin
  return exists (select 1 from ${s}.closings where seq > (select ${s}.closings_floor()));
end
$$;
`;

export const migrationSweeps = (s: string): string => closings(s) + inbox(s);

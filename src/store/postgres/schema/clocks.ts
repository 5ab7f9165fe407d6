/**
 * Owns the functions about time, turns and floors that the verbs of the database share.
 *
 * J1 The judge's clock is moved by heartbeats only, which know by their nodes' own monotonic time
 *    how far it must be by now (\`src/store/judge-clock.ts\`). The server's wall clock has no say.
 * J2 Functions that do more than compute are written in PL/pgSQL, which keeps their plans: those of
 *    SQL functions are made anew at each call.
 * J3 One transaction at a time changes runs: `gate` is an advisory lock of the transaction. Two
 *    kinds of changes share it, each behind a `door` of its own: the hand-out, and plain ends. They
 *    touch different rows: a run can end only after the hand-out that gave it its fence was
 *    committed.
 * J4 A transaction enters one door, and the gate before it: nobody waits in a circle.
 */

/** The first key of every advisory lock of ours: the letters HFST. Stored format. */
export const lockClass = 0x48_46_53_54;

export const clocksSql = (s: string): string => `
create function ${s}.wall() returns double precision language sql volatile as $$
  select floor(extract(epoch from clock_timestamp()) * 1000)::double precision
$$;

create function ${s}.judge() returns double precision language plpgsql volatile as $$
begin
  return (select a from ${s}.cells where kind = 'judge' and key = '' order by n desc limit 1);
end
$$;

create function ${s}.judge_on(p_least double precision)
returns void language plpgsql volatile as $$
declare
  v record;
begin
  select n, a into v from ${s}.cells
    where kind = 'judge' and key = '' order by n desc limit 1;
  if v.a >= p_least then return; end if;
  -- Whoever comes second finds a later version, and moves that one if it knows more.
  update ${s}.cells set n = n + 1, a = p_least
    where kind = 'judge' and key = '' and n >= v.n and a < p_least;
end
$$;

create function ${s}.gate() returns void language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(${lockClass}, hashtext(current_database() || ' ${s}'));
end
$$;

-- Keeps out whoever takes the gate, and whoever else comes through this door.
create function ${s}.door(p_name text) returns void language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock_shared(
    ${lockClass}, hashtext(current_database() || ' ${s}'));
  perform pg_advisory_xact_lock(
    ${lockClass}, hashtext(current_database() || ' ${s} ' || p_name));
end
$$;

-- Adds to the number of live rows.
create function ${s}.count_live(by bigint) returns void language plpgsql volatile as $$
declare
  v bigint;
begin
  if by = 0 then return; end if;
  select n into v from ${s}.cells where kind = 'live' and key = '' order by n desc limit 1;
  update ${s}.cells set n = n + 1, a = a + by where kind = 'live' and key = '' and n = v;
end
$$;

create function ${s}.put_cell(
  p_kind text, p_key text,
  p_a double precision, p_b double precision, p_c double precision, p_d double precision
) returns void language plpgsql volatile as $$
declare
  v bigint;
begin
  select n into v from ${s}.cells where kind = p_kind and key = p_key order by n desc limit 1;
  if v is null then
    insert into ${s}.cells values (p_kind, p_key, 1, p_a, p_b, p_c, p_d);
  else
    update ${s}.cells set n = n + 1, a = p_a, b = p_b, c = p_c, d = p_d
      where kind = p_kind and key = p_key and n = v;
  end if;
end
$$;

-- Runs of a function stand before its floor again: hand-out begins there.
create function ${s}.lower_floors(p_fns text[], p_ranks double precision[])
returns void language plpgsql volatile as $$
declare
  r record;
begin
  for r in
    select x.fn, x.rank, f.n
    from (select fn, min(rank) as rank from unnest(p_fns, p_ranks) as u(fn, rank) group by fn) x
    cross join lateral (
      select n, a from ${s}.cells where kind = 'floor' and key = x.fn order by n desc limit 1
    ) f
    where f.a >= x.rank
  loop
    update ${s}.cells set n = n + 1, a = r.rank, b = 0
      where kind = 'floor' and key = r.fn and n = r.n;
  end loop;
end
$$;
`;

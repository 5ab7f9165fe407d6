/**
 * Owns the functions about time, turns and floors that the verbs of the database share.
 *
 * J1 The judge's clock moves only when a node beats, by what the server's clock moved since the
 *    last time, and by `judgeStepMsMax` at the most. So neither a step of the server's clock nor
 *    the time for which the database was away takes the whole lease of a node that is alive.
 *    A step takes up to so much of it.
 * J2 Between two beats it reads on, within the same bound.
 * J3 Functions that do more than compute are written in PL/pgSQL, which keeps their plans: those of
 *    SQL functions are made anew at each call.
 * J4 One transaction at a time changes runs: \`gate\` is an advisory lock of the transaction.
 */

/** How far the judge's clock moves at once at the most, in ms: a third of the usual lease. */
const judgeStepMsMax = 5_000;

/** The first key of every advisory lock of ours: the letters HFST. Stored format. */
export const lockClass = 0x48_46_53_54;

export const clocksSql = (s: string): string => `
create function ${s}.wall() returns double precision language sql volatile as $$
  select floor(extract(epoch from clock_timestamp()) * 1000)::double precision
$$;

create function ${s}.judge() returns double precision language plpgsql volatile as $$
begin
  return (select a + least(greatest(${s}.wall() - b, 0), ${judgeStepMsMax})
    from ${s}.cells where kind = 'judge' and key = '' order by n desc limit 1);
end
$$;

create function ${s}.judge_on() returns void language plpgsql volatile as $$
declare
  v record;
  w double precision := ${s}.wall();
begin
  select n, b into v from ${s}.cells
    where kind = 'judge' and key = '' order by n desc limit 1;
  if w - v.b between 0 and 50 then return; end if;
  -- Whoever comes second finds another version and leaves it at that: the clock was moved just now.
  update ${s}.cells
    set n = n + 1, a = a + least(greatest(w - b, 0), ${judgeStepMsMax}), b = w
    where kind = 'judge' and key = '' and n = v.n;
end
$$;

create function ${s}.gate() returns void language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(${lockClass}, hashtext(current_database() || ' ${s}'));
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

/**
 * Owns what schema version 4 mends about retention: what a call reads depends neither on how many
 * rows it may not delete yet, nor on the dead entries that it left in its indexes itself.
 *
 * N1 Pruning goes on at a *floor*: what is older was deleted or set aside. For each kind it is a
 *    cell `pruned`: place, seq, the time at which it was written, and (of runs) how far the list of
 *    those set aside was looked through.
 * N2 An ended run that is needed is set aside, once. One whose parent may still ask for it is
 *    looked at again when that has changed: a trigger gives it the next number. The others, whose
 *    code lingers or whose family has to be told, are as few as slots, and keep coming round.
 * N3 Nobody is set aside, and nobody's parent ends, without the gate: the one sees the other. And
 *    numbers become visible in their order.
 * N4 Calls that prune runs pass one by one, by a lock of their own that is taken before the gate.
 *    Were one to step over rows that another is deleting, and that one failed, nobody would come
 *    back for them.
 * N5 By its time a row may come in before the floor only if it took long to commit, or the server's
 *    clock went back. So the floor of times keeps a distance from now; when the clock went back by
 *    more than half of it, it is given up, and everything is looked at once more.
 */
import { lockClass } from './clocks.ts';

/** N5. Far longer than any transaction of ours lasts. */
export const floorDistanceMs = 600_000;
/** How often a call of the version before looks at as many rows as it may delete. */
const stepsMax = 20;

/** Tables with rows of a run. Triggers take care of the others. */
const tablesOfRuns = [
  ...['ended', 'runs', 'attempts', 'progress', 'log_lines', 'log_drops', 'steps', 'parts'],
  ...['part_sums', 'kin'],
];

/** Each is a look into an index: as a join it might become a look at all of the table. */
const mayBeAsked = (s: string, seq: string): string =>
  `(select 1 from ${s}.kin k where k.seq = ${seq} and k.parent_open = 1) is not null`;
const isNeeded = (s: string, seq: string): string =>
  `((select 1 from ${s}.live l where l.seq = ${seq}) is not null
        or ${mayBeAsked(s, seq)}
        or (select 1 from ${s}.closings c where c.seq = ${seq}) is not null)`;
const isAside = (s: string, seq: string): string =>
  `(select 1 from ${s}.set_aside a where a.seq = ${seq}) is not null`;

const numberOf = (s: string, seq: string): string =>
  `case when ${mayBeAsked(s, seq)} then null else nextval('${s}.aside_n') end`;

const tables = (s: string): string => `
-- Ended runs that retention came by while they were needed. Without \`n\` nobody looks at them.
create sequence ${s}.aside_n;
create table ${s}.set_aside (
  seq bigint not null primary key,
  outcome smallint not null,
  n bigint
) with (autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_scale_factor = 0.05);
create index set_aside_n on ${s}.set_aside (outcome, n) where n is not null;

create function ${s}.kin_told() returns trigger language plpgsql volatile as $$
begin
  update ${s}.set_aside set n = nextval('${s}.aside_n') where seq = new.seq and n is null;
  return null;
end
$$;
create trigger kin_told after update of parent_open on ${s}.kin for each row
  when (old.parent_open = 1 and new.parent_open = 0) execute function ${s}.kin_told();
`;

const runs = (s: string): string => `
create function ${s}.forget_runs(p_seqs bigint[]) returns void language plpgsql volatile as $$
begin
${tablesOfRuns.map((table) => `  delete from ${s}.${table} where seq = any (p_seqs);`).join('\n')}
end
$$;

-- Of those set aside that come up behind the place, what may be deleted, and up to where it looked.
create function ${s}.aside_again(
  p_outcome integer, p_before double precision, p_max integer, inout place bigint, out gone bigint[]
) language plpgsql volatile as $$
declare
  v_seqs bigint[];
  v_last bigint;
  v_kept bigint[];
begin
  gone := '{}';
  select array_agg(q.seq), max(q.n) into v_seqs, v_last from (
    select a.seq, a.n from ${s}.set_aside a
    where a.outcome = p_outcome and a.n is not null and a.n > place order by a.n limit p_max
  ) q;
  if v_seqs is null then return; end if;
  perform ${s}.gate();
  v_kept := array(
    select u.seq from unnest(v_seqs) as u(seq) where ${isNeeded(s, 'u.seq')}
      or (select e.finished_at from ${s}.ended e where e.seq = u.seq) >= p_before);
  gone := array(select unnest(v_seqs) except select unnest(v_kept));
  update ${s}.set_aside a set n = ${numberOf(s, 'a.seq')} where a.seq = any (v_kept);
  delete from ${s}.set_aside where seq = any (gone);
  place := v_last;
end
$$;

-- Deletes runs of one outcome that ended more than so many ms ago, the oldest first; gives their
-- number, and whether to call again at once.
create function ${s}.prune_step(p_outcome integer, p_kept_ms double precision, p_max integer)
returns json language plpgsql volatile as $$
declare
  w double precision;
  v_floor record;
  v_at double precision := 0;
  v_seq bigint := 0;
  v_again record;
  v_room integer;
  v_free bigint[];
  v_kept bigint[];
  v_looked integer := 0;
  v_to bigint;
begin
  perform pg_advisory_xact_lock(
    ${lockClass}, hashtext(current_database() || ' ${s} pruning'));
  w := ${s}.wall();
  select a, b, c, d into v_floor from ${s}.cells
    where kind = 'pruned' and key = p_outcome::text order by n desc limit 1;
  if w >= v_floor.c - ${floorDistanceMs / 2} then
    v_at := v_floor.a; v_seq := v_floor.b;
  end if;
  select place, gone into v_again from ${s}.aside_again(
    p_outcome, w - p_kept_ms, p_max, coalesce(v_floor.d, 0)::bigint);
  v_room := p_max - cardinality(v_again.gone);
  if v_room > 0 then
    select array_agg(q.seq) filter (where not q.needed),
      array_agg(q.seq order by q.finished_at, q.seq) filter (where q.needed), count(*),
      (array_agg(q.seq order by q.finished_at desc, q.seq desc)
        filter (where q.finished_at <= w - ${floorDistanceMs}))[1]
    into v_free, v_kept, v_looked, v_to
    from (
      select e.seq, e.finished_at, ${isNeeded(s, 'e.seq')} as needed
      from ${s}.ended e
      where e.outcome = p_outcome and (e.finished_at, e.seq) > (v_at, v_seq)
        and e.finished_at < w - p_kept_ms and not ${isAside(s, 'e.seq')}
      order by e.finished_at, e.seq limit v_room
    ) q;
  end if;
  if v_kept is not null then
    perform ${s}.gate();
    insert into ${s}.set_aside
      select u.seq, p_outcome, ${numberOf(s, 'u.seq')} from unnest(v_kept) as u(seq);
  end if;
  if v_to is not null then
    select e.finished_at, e.seq into v_at, v_seq from ${s}.ended e where e.seq = v_to;
  end if;
  if v_to is not null or v_again.place > coalesce(v_floor.d, 0) or v_at < v_floor.a then
    perform ${s}.put_cell('pruned', p_outcome::text, v_at, v_seq, w, v_again.place);
  end if;
  v_free := v_again.gone || v_free;
  if cardinality(v_free) > 0 then perform ${s}.forget_runs(v_free); end if;
  return json_build_object('gone', cardinality(v_free),
    'more', v_looked = v_room or cardinality(v_again.gone) > 0);
end
$$;

-- For the program of the version before, which knows but the number.
create or replace function ${s}.prune_runs(
  p_outcome integer, p_kept_ms double precision, p_max integer
) returns integer language plpgsql volatile as $$
declare
  v_step json;
  v_gone integer := 0;
begin
  for i in 1..${stepsMax} loop
    v_step := ${s}.prune_step(p_outcome, p_kept_ms, p_max - v_gone);
    v_gone := v_gone + (v_step->>'gone')::integer;
    exit when v_gone >= p_max or v_step->>'more' = 'false';
  end loop;
  return v_gone;
end
$$;
`;

/** What version 4 brings for the retention of runs. */
export const migrationPruning = (s: string): string => tables(s) + runs(s);

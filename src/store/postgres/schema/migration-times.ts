/**
 * Owns what schema version 4 mends about what time will change: claims and sweeps ask for the first
 * of it, and must not walk over the dead entries of all runs whose time it was, while somebody
 * holds a snapshot.
 *
 * T1 For each of three indexes of `live` (what is due, deadlines, attempts that are overdue) a cell
 *    `times` is a floor: nothing stands before it. A row that comes to stand there lowers it, by a
 *    trigger, whoever writes it.
 * T2 Floors are raised by claims only, to the first entry they find, or above all if there is none.
 *    Whoever lowers them holds the gate, or is such a claim: one comes after the other. Without
 *    claims nobody asks often.
 * T3 A floor is raised where finding the first entry took long: without dead entries an idle store
 *    is not written to.
 */
import { judgeLookMsMin } from '../../judge-clock.ts';
import { rangeSql } from './load.ts';
import { anew } from './migration-traces.ts';
import { wakingSql } from './waking.ts';

/** T3. Some ten times what it takes without dead entries. */
const longMicroseconds = 50;

/** What stands in the indexes. */
const times = {
  due: { column: 'due_at', where: 'due_at is not null and (stage = 1 or stage = 6)' },
  deadline: {
    column: 'deadline_at',
    where: 'deadline_at is not null and stage <> 5 and stage <> 8',
  },
  overdue: { column: 'overdue_at', where: 'overdue_at is not null' },
} as const;

type Kind = keyof typeof times;
const kinds: readonly Kind[] = ['due', 'deadline', 'overdue'];

/** Behind a condition of one of the indexes. */
const fromFloor = (s: string, kind: Kind): string =>
  ` and ${times[kind].column} >= (select ${s}.time_floor('${kind}'))`;

/** T1. One trigger for each index, so that a row pays for those in which it comes to stand. */
const lowering = (s: string, kind: Kind): string => {
  const { column, where } = times[kind];
  const holds = (row: 'new' | 'old'): string =>
    where.replaceAll(/\b(due_at|deadline_at|overdue_at|stage)\b/g, `${row}.$1`);
  const comes = `not (${holds('old')}) or old.${column} is distinct from new.${column}`;
  return `
create function ${s}.${kind}_sooner() returns trigger language plpgsql volatile as $$
begin
  if new.${column} < (select a from ${s}.cells
    where kind = 'times' and key = '${kind}' order by n desc limit 1) then
    perform ${s}.put_cell('times', '${kind}', new.${column}, 0, 0, 0);
  end if;
  return null;
end
$$;
create trigger ${kind}_comes after insert on ${s}.live for each row
  when (${holds('new')}) execute function ${s}.${kind}_sooner();
create trigger ${kind}_sooner after update of stage, ${column} on ${s}.live for each row
  when (${holds('new')} and (${comes})) execute function ${s}.${kind}_sooner();
`;
};

const floors = (s: string): string => `
create function ${s}.time_floor(p_kind text) returns double precision
language plpgsql volatile as $$
begin
  return coalesce((select a from ${s}.cells
    where kind = 'times' and key = p_kind order by n desc limit 1), '-infinity');
end
$$;

${kinds.map((kind) => lowering(s, kind)).join('')}`;

/** Finds the first entry of an index, and raises its floor if that may be and pays. */
const first = (s: string, kind: Kind): string => {
  const { column, where } = times[kind];
  return `
  v_began := clock_timestamp();
  v_floor := ${s}.time_floor('${kind}');
  v_${kind} := (select ${column} from ${s}.live
    where ${where} and ${column} >= v_floor order by ${column} limit 1);
  if p_raise and coalesce(v_${kind}, 'infinity') > v_floor
    and clock_timestamp() - v_began > interval '${longMicroseconds} microseconds' then
    perform ${s}.put_cell('times', '${kind}', coalesce(v_${kind}, 'infinity'), 0, 0, 0);
  end if;`;
};

const looking = (s: string): string => `
create function ${s}.next_from(w double precision, j double precision, p_raise boolean)
returns double precision language plpgsql volatile as $$
declare
  v_began timestamptz;
  v_floor double precision;
  v_due double precision;
  v_deadline double precision;
  v_overdue double precision;
begin${kinds.map((kind) => first(s, kind)).join('')}
  -- What came into the inbox behind its floor is due at once: up to there a sweep has looked.
  if exists (select 1 from ${s}.inbox i where i.n > (select coalesce((
      select a from ${s}.cells where kind = 'inbox' and key = '' order by n desc limit 1
    ), 0)::bigint)) then return 0; end if;
  return least(v_due, v_deadline, w + case when v_overdue is null then null
    when v_overdue <= j then 1 else greatest(ceil(v_overdue - j) + 1, ${judgeLookMsMin}) end);
end
$$;

-- For claims.
create or replace function ${s}.next_due(w double precision, j double precision)
returns double precision language plpgsql volatile as $$
begin
  return ${s}.next_from(w, j, true);
end
$$;

-- As before, from floors on.
create or replace function ${s}.to_sweep() returns json language plpgsql volatile as $$
declare
  w double precision := ${s}.wall();
  j double precision := ${s}.judge();
  v_next double precision := ${s}.next_from(w, j, false);
begin
  return json_build_object(
    'next', v_next,
    'inbox', exists (select 1 from ${s}.inbox where n > (select ${s}.inbox_settled())),
    'due', coalesce(v_next <= w, false) or exists (
      select 1 from ${s}.live where overdue_at is not null and overdue_at <= j
        ${fromFloor(s, 'overdue')})
  );
end
$$;
`;

/** What version 4 brings for what time will change. */
export const migrationTimes = (s: string): string => {
  const from = { due: fromFloor(s, 'due'), deadline: fromFloor(s, 'deadline') };
  const ranges = rangeSql(s, { ...from, overdue: fromFloor(s, 'overdue') });
  return floors(s) + looking(s) + anew(ranges + wakingSql(s, from.due));
};

/**
 * Owns starting from SQL, inside the transactions of others.
 *
 * B1 The run is put into the inbox and nothing else is locked: a long transaction of the caller
 *    holds up nobody, and a roll-back takes the run along. A sweep accepts what was committed.
 * B2 Everything that can be checked is checked at once, in the caller's transaction.
 * B3 The terms are those that the function's nodes published, or the defaults. Of several versions
 *    that one node hosts they are those of the last.
 */
import { limits } from '../../../core/limits.ts';

const optionNames =
  "'id', 'lane', 'laneWidth', 'tenant', 'priority', 'delayMs', 'dueAt', 'deadlineMs', 'tags'";

/** What versions of the schema added to a start from SQL. */
const added = {
  none: { options: '', item: '' },
  flow: {
    options: ", 'flowKey'",
    item: (s: string) => `,\n    'flow', ${s}.published_flow(p_fn, t, o)`,
  },
} as const;

const refuse = (code: string, text: string, ...values: readonly string[]): string =>
  `raise exception using errcode = 'HF001', message = format(${[
    `'holdfast: ${code}: ${text}'`,
    ...values,
  ].join(', ')});`;

const keyMax = String(limits.keyCharsMax);
const idMax = String(limits.idCharsMax);
const inputMax = String(limits.inputBytesMax);
const size = 'octet_length(p_input::text)';

const refusals = {
  fn: refuse(
    'request.invalid',
    'the function is %L; give 1 to %s printable characters',
    'p_fn',
    keyMax,
  ),
  option: refuse('request.invalid', 'there is no option %L', 'v_bad'),
  id: refuse('request.invalid', 'the id %L is not 1 to %s characters', 'v_id', idMax),
  key: refuse('request.invalid', 'a lane or tenant is not 1 to %s characters', keyMax),
  input: refuse('payload.too_large', 'the input has %s bytes, more than %s', size, inputMax),
  lane: refuse('request.invalid', 'the lane of %L is computed; give the lane', 'p_fn'),
  tenant: refuse('request.invalid', 'the tenant of %L is computed; give the tenant', 'p_fn'),
};

/** `start`, as a version of the schema has it. */
export function inboxStartSql(s: string, version: keyof typeof added): string {
  const { options, item } = added[version];
  const names = optionNames + options;
  const more = typeof item === 'string' ? item : item(s);
  return `
-- Starts a run of a function in the transaction of the caller, and gives its id.
create function ${s}.start(p_fn text, p_input jsonb default 'null', p_options jsonb default '{}')
returns text language plpgsql volatile as $$
declare
  t jsonb := ${s}.published(p_fn);
  o jsonb := coalesce(p_options, '{}');
  w double precision := ${s}.wall();
  v_id text := o->>'id';
  v_lane text := coalesce(o->>'lane', t->>'lane');
  v_tenant text := coalesce(o->>'tenant', t->>'tenant', 'default');
  v_total double precision := coalesce(
    (o->>'deadlineMs')::double precision, (t->>'totalMs')::double precision);
  v_bad text;
begin
  if p_fn is null or p_fn = '' or length(p_fn) > ${limits.keyCharsMax}
    or strpos(p_fn, chr(31)) > 0 then
    ${refusals.fn}
  end if;
  select key into v_bad from jsonb_object_keys(o) as key where key not in (${names}) limit 1;
  if v_bad is not null then
    ${refusals.option}
  end if;
  if length(v_id) > ${limits.idCharsMax} or v_id = '' then
    ${refusals.id}
  end if;
  if length(v_lane) > ${limits.keyCharsMax} or length(v_tenant) > ${limits.keyCharsMax}
    or v_lane = '' or v_tenant = '' then
    ${refusals.key}
  end if;
  if octet_length(p_input::text) > ${limits.inputBytesMax} then
    ${refusals.input}
  end if;
  if (t->>'laneComputed')::boolean and not o ? 'lane' then
    ${refusals.lane}
  end if;
  if (t->>'tenantComputed')::boolean and not o ? 'tenant' then
    ${refusals.tenant}
  end if;
  v_id := coalesce(v_id, gen_random_uuid()::text);
  insert into ${s}.inbox (item) values (jsonb_strip_nulls(jsonb_build_object(
    'id', v_id,
    'fn', p_fn,
    'input', coalesce(p_input, 'null')::text,
    'lane', v_lane,
    'laneWidth', coalesce((o->>'laneWidth')::integer, (t->>'laneWidth')::integer, 1),
    'tenant', v_tenant,
    'prioritySeconds', coalesce(
      (o->>'priority')::double precision, (t->>'prioritySeconds')::double precision, 0),
    'dueAt', coalesce((o->>'dueAt')::double precision, w + (o->>'delayMs')::double precision),
    'deadlineAt', w + v_total,
    'tags', coalesce(o->'tags', t->'tags', '[]'),
    'policy', t->'policy'${more}
  )));
  return v_id;
end
$$;
`;
}

export const inboxSql = (s: string): string => `
create function ${s}.published(p_fn text) returns jsonb language sql stable as $$
  select f.f->'start'
  from ${s}.nodes n, jsonb_array_elements(n.functions::jsonb) with ordinality as f(f, nth)
  where f.f->>'fn' = p_fn order by (n.state = 'live') desc, n.node desc, f.nth desc limit 1
$$;

${inboxStartSql(s, 'none')}
-- Puts runs into the inbox that the library has checked: one row of the answer for each item of
-- the list, in its order. An id that is taken already is answered as by the library.
create function ${s}.start_items(p_items jsonb)
returns table (id text, created boolean, code text, text text)
language plpgsql volatile as $$
begin
  insert into ${s}.inbox (item)
    select x.item from jsonb_array_elements(p_items) with ordinality as x(item, nth)
    where not exists (select 1 from ${s}.runs r where r.id = x.item->>'id')
    order by x.nth;
  return query
    select x.item->>'id', r.seq is null,
      case when r.seq is not null and (r.fn <> x.item->>'fn'
        or r.input::jsonb <> (x.item->>'input')::jsonb) then 'run.conflict' end,
      case when r.seq is not null then format(
        'the id %L is taken by a run of %L with its own input; choose another id', r.id, r.fn) end
    from jsonb_array_elements(p_items) with ordinality as x(item, nth)
    left join ${s}.runs r on r.id = x.item->>'id'
    order by x.nth;
end
$$;
`;

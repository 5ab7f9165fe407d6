/**
 * Owns `load`: the rows that a verb of the embedded stores will look at, read in one call that
 * first takes the gate. What it gives stays true until the transaction ends.
 *
 * L1 It follows from the rows asked for to what their starts and ends may touch: their lanes and
 *    tenants with who is next there and their owners.
 * L2 A range is the first rows of one index, in its order, and one row more, which tells whether
 *    there are more.
 * L3 Counts go beyond the limits of tenants by a slack, so that the verb's own changes can be
 *    followed.
 */
import { runTuple } from './run-tuple-sql.ts';

/** How many places and waiting runs are counted beyond a limit: more than one call can change. */
const countSlack = 11_000;

/** One branch of `range`: the seqs of live rows under a condition, in an order. */
const branch = (s: string, kind: string, where: string, order: string): string => `
    when '${kind}' then
      select array_agg(seq order by nth) into v from (
        select seq, row_number() over (order by ${order}) as nth from ${s}.live
        where ${where} order by ${order} limit p_max + 1
      ) q;`;

/** More of a condition for ranges of times: from where on there is anything. */
interface From {
  readonly due: string;
  readonly deadline: string;
  readonly overdue: string;
}

/** The first rows of an index. */
export const rangeSql = (s: string, from: From): string => `
create function ${s}.range(p_kind text, p_key text, p_max integer)
returns bigint[] language plpgsql volatile as $$
declare
  v bigint[];
begin
  case p_kind${[
    branch(s, 'due', `due_at is not null and (stage = 1 or stage = 6)${from.due}`, 'due_at, seq'),
    branch(
      s,
      'deadline',
      `deadline_at is not null and stage <> 5 and stage <> 8${from.deadline}`,
      'deadline_at, seq',
    ),
    branch(s, 'overdue', `overdue_at is not null${from.overdue}`, 'overdue_at, seq'),
    branch(s, 'owner', 'owner = p_key::bigint', 'seq'),
    branch(s, 'lane', 'lane = p_key and stage = 2', 'seq'),
    branch(s, 'holders', 'lane = p_key and lane_held', 'seq'),
    branch(s, 'tenant', 'tenant = p_key and stage = 3', 'wait_key, seq'),
    branch(
      s,
      'uncounted',
      'tenant = p_key and not tenant_held and (stage = 4 or (stage = 5 and owner is not null))',
      'seq',
    ),
    branch(s, 'last', 'tenant = p_key and tenant_held and stage = 4', 'rank desc, seq desc'),
  ].join('')}
  end case;
  return coalesce(v, '{}');
end
$$;
`;

const load = (s: string): string => `
create function ${s}.load(p json) returns json language plpgsql volatile as $$
declare
  v_seqs bigint[];
  v_more bigint[];
  v_ranges json;
  v_lanes json;
  v_tenants json;
  v_first bigint;
  v_fresh integer := coalesce((p->>'fresh')::integer, 0);
  v_floor bigint;
begin
  if p->>'gate' = 'yes' then perform ${s}.gate(); end if;
  -- Before any number is drawn.
  v_floor := ${s}.fence_floor();
  select coalesce(array_agg(seq), '{}') into v_seqs from (
    select value::bigint as seq from json_array_elements_text(p->'seqs')
    union
    select q.seq from ${s}.runs q
      where q.id = any (array(select json_array_elements_text(p->'ids')))
  ) found;
  with d as materialized (
    select x.kind, x.key, x.max, ${s}.range(x.kind, x.key, x.max) as seqs
    from json_to_recordset(p->'ranges') as x(kind text, key text, max integer)
  )
  select json_agg(json_build_array(kind, key, max, seqs)), array(select unnest(seqs) from d)
  into v_ranges, v_more from d;
  v_seqs := v_seqs || v_more;
  with l as (
    select lane, sum(times)::integer + 2 as max from (
      select lane, count(*) as times from ${s}.live
        where seq = any (v_seqs) and lane is not null group by lane
      union all
      select value, 1 from json_array_elements_text(p->'lanes')
    ) u group by lane
  ), d as materialized (
    select l.lane, l.max,
      (select count(*) from (
        select 1 from ${s}.live h where h.lane = l.lane and h.lane_held limit ${countSlack}
      ) q) as held,
      array(
        select w.seq from ${s}.live w
        where w.lane = l.lane and w.stage = 2 order by w.seq limit l.max + 1
      ) as firsts
    from l
  )
  select json_agg(json_build_array(lane, held, max, firsts)), array(select unnest(firsts) from d)
  into v_lanes, v_more from d;
  v_seqs := v_seqs || v_more;
  with t as (
    select tenant, sum(times)::integer + 2 as max from (
      select tenant, count(*) as times from ${s}.live where seq = any (v_seqs) group by tenant
      union all
      select value, 1 from json_array_elements_text(p->'tenants')
    ) u group by tenant
  ), d as materialized (
    select t.tenant, t.max, m.weight, m.running_max, m.waiting_max, c.n, c.a as turn,
      (select count(*) from (
        select 1 from ${s}.live h where h.tenant = t.tenant and h.tenant_held
        limit coalesce(m.running_max, 0) + ${countSlack}
      ) q) as held,
      case when m.waiting_max is not null then (select count(*) from (
        select 1 from ${s}.live h where h.tenant = t.tenant and h.stage <= 4
        limit m.waiting_max + ${countSlack}
      ) q) end as waiting,
      array(
        select w.seq from ${s}.live w
        where w.tenant = t.tenant and w.stage = 3 order by w.wait_key, w.seq limit t.max + 1
      ) as firsts
    from t
    left join ${s}.tenants m on m.tenant = t.tenant
    left join lateral (
      select n, a from ${s}.cells where kind = 'turn' and key = t.tenant order by n desc limit 1
    ) c on true
  )
  select json_agg(json_build_array(tenant, weight, running_max, waiting_max, n, turn, held, waiting,
    max, firsts)), array(select unnest(firsts) from d)
  into v_tenants, v_more from d;
  v_seqs := v_seqs || v_more;
  if v_fresh > 0 then
    v_first := nextval('${s}.run_seq');
    if v_fresh > 1 then perform setval('${s}.run_seq', v_first + v_fresh - 1); end if;
  end if;
  return json_build_object(
    'wall', ${s}.wall(),
    'judge', ${s}.judge(),
    'fenceFloor', v_floor,
    'first', v_first,
    'node', case when p->>'node' = 'yes' then nextval('${s}.node_seq') end,
    'live', (select a from ${s}.cells where kind = 'live' and key = '' order by n desc limit 1),
    'clock', (select json_build_array(a, b, c, d) from ${s}.cells
      where kind = 'clock' and key = '' order by n desc limit 1),
    'pauses', (select json_agg(json_build_array(kind, key, reason, since)) from ${s}.pauses),
    'ranges', v_ranges,
    'lanes', v_lanes,
    'tenants', v_tenants,
    'rows', (select json_agg(${runTuple('v')}) from ${s}.run_rows v where v.seq = any (v_seqs)),
    'inputs', (select json_agg(json_build_array(seq, input)) from ${s}.runs
      where seq = any (array(select value::bigint from json_array_elements_text(p->'inputs')))),
    'owners', (select json_agg(json_build_array(node, name)) from ${s}.nodes where node = any (
      array(select owner from ${s}.live where seq = any (v_seqs) and owner is not null))),
    'nodes', case when p->>'nodes' = 'yes' then (
      select json_agg(json_build_array(node, name, process, state, joined_at, ended_at, ttl_ms,
        renewed_at, slots, functions,
        (select count(*) from ${s}.live o where o.owner = n.node)) order by node)
      from ${s}.nodes n) end
  );
end
$$;
`;

/** The functions of the loading. */
export const loadSql = (s: string): string =>
  rangeSql(s, { due: '', deadline: '', overdue: '' }) + load(s);

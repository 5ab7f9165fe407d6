/**
 * Owns what schema version 3 mends for nodes: what every heartbeat asks must not grow with the dead
 * rows that a held snapshot keeps.
 *
 * N1 Who is asked to stop is found by an index over just those.
 * N2 A heartbeat counts what a node owns only once that node has ended, and no more when it was
 *    found to own nothing: an ended node gets nothing again. Lists of nodes count exactly.
 */
import { trustMarginMsMax, trustMarginShare } from '../../../core/lease.ts';
import { judgeStepMsMax } from '../../judge-clock.ts';

export const migrationOwners = (s: string): string => `
create index live_stops on ${s}.live (owner, seq) where stop_cause is not null;
alter table ${s}.nodes add column released boolean;

create function ${s}.beat_rows() returns json language plpgsql volatile as $$
begin
  update ${s}.nodes n set released = true
    where n.ended_at is not null and n.released is not true
      and not exists (select 1 from ${s}.live o where o.owner = n.node);
  return (select coalesce(json_agg(json_build_object(
    'node', n.node, 'name', n.name, 'process', n.process::json, 'state', n.state,
    'joinedAt', n.joined_at, 'ttlMs', n.ttl_ms,
    'renewedAgoMs', greatest(0, j.at - n.renewed_at),
    'leaseOver', j.at > n.renewed_at + n.ttl_ms, 'bootOver', false,
    'slots', n.slots,
    'running', case when n.ended_at is null then null when n.released then 0
      else (select count(*) from ${s}.live o where o.owner = n.node) end,
    'functions', n.functions::json
  ) order by n.node), '[]'::json)
  from ${s}.nodes n, (select ${s}.judge() as at) j);
end
$$;

create or replace function ${s}.stops(p_node bigint) returns json language plpgsql volatile as $$
begin
  return (select coalesce(json_agg(json_build_object(
    'seq', seq, 'fence', fence, 'cause', stop_cause, 'reason', coalesce(stop_reason, '')
  ) order by seq), '[]'::json)
  from ${s}.live where stop_cause is not null and owner = p_node and stage = 5);
end
$$;

-- As before, with \`beat_rows\` in place of \`node_rows\`.
create or replace function ${s}.beat(
  p_node bigint, p_least double precision, p_seen bigint,
  out beat json, out judge double precision, out epoch bigint
) language plpgsql volatile as $$
begin
  epoch := ${s}.epoch();
  if p_seen = epoch then perform ${s}.judge_on(p_least); end if;
  update ${s}.nodes n set renewed_at = ${s}.judge() + greatest(0, ${judgeStepMsMax}
      - least(${trustMarginMsMax}, n.ttl_ms * ${trustMarginShare}))
    where n.node = p_node and (n.state = 'live' or n.state = 'draining');
  if found then
    beat := json_build_object('nodes', ${s}.beat_rows(), 'stops', ${s}.stops(p_node));
  end if;
  judge := ${s}.judge();
end
$$;
`;

/**
 * Owns what nodes write without the gate: heartbeats, progress and log lines.
 *
 * O1 A node that was declared dead, or left, never beats again: its beat is answered with null.
 * O2 Progress and lines are kept under the fence: the row of the run is locked, so that its
 *    ownership does not change meanwhile, in the order of seq, so that two owners never wait for
 *    each other.
 * O3 A renewal is written down as \`renewalAheadMs\` has it. What a node saw of the judge's clock
 *    counts in the same epoch only.
 */
import { trustMarginMsMax, trustMarginShare } from '../../../core/lease.ts';
import { limits } from '../../../core/limits.ts';
import { judgeStepMsMax } from '../../judge-clock.ts';

export const ownersSql = (s: string): string => `
create function ${s}.node_rows() returns json language plpgsql volatile as $$
begin
  return (select coalesce(json_agg(json_build_object(
    'node', n.node, 'name', n.name, 'process', n.process::json, 'state', n.state,
    'joinedAt', n.joined_at, 'ttlMs', n.ttl_ms,
    'renewedAgoMs', greatest(0, j.at - n.renewed_at),
    'leaseOver', j.at > n.renewed_at + n.ttl_ms, 'bootOver', false,
    'slots', n.slots,
    'running', (select count(*) from ${s}.live o where o.owner = n.node),
    'functions', n.functions::json
  ) order by n.node), '[]'::json)
  from ${s}.nodes n, (select ${s}.judge() as at) j);
end
$$;

create function ${s}.stops(p_node bigint) returns json language plpgsql volatile as $$
begin
  return (select coalesce(json_agg(json_build_object(
    'seq', seq, 'fence', fence, 'cause', stop_cause, 'reason', coalesce(stop_reason, '')
  ) order by seq), '[]'::json)
  from ${s}.live where owner = p_node and stage = 5 and stop_cause is not null);
end
$$;

-- Renews the lease of a node that knows that the judge's clock is at \`p_least\` by now, from what
-- it saw in the epoch \`p_seen\`.
create function ${s}.beat(
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
    beat := json_build_object('nodes', ${s}.node_rows(), 'stops', ${s}.stops(p_node));
  end if;
  judge := ${s}.judge();
end
$$;

-- Gives for each item, in its place, how many lines were dropped; null: the fence is over.
create function ${s}.note(p json) returns json language plpgsql volatile as $$
declare
  r record;
  v_kept integer;
  v_room integer;
  v_lines integer;
  v_reply json[] := '{}';
begin
  perform l.seq from ${s}.live l
    where l.seq in (select x.seq from json_to_recordset(p) as x(seq bigint))
    order by l.seq for no key update;
  for r in
    select x.*, l.seq is not null as holds
    from json_to_recordset(p) as x(
      ord integer, seq bigint, fence bigint, attempt integer, progress text, lines json)
    left join ${s}.live l on l.seq = x.seq and l.fence = x.fence and l.stage = 5
    order by x.ord
  loop
    if not r.holds then
      v_reply := v_reply || coalesce((
        select json_build_array(v.id, v.fence) from ${s}.run_rows v where v.seq = r.seq
      ), 'null'::json);
      continue;
    end if;
    if r.progress is not null then
      insert into ${s}.progress values (r.seq, r.progress)
        on conflict (seq) do update set progress = excluded.progress;
    end if;
    v_lines := coalesce(json_array_length(r.lines), 0);
    if v_lines = 0 then
      v_reply := v_reply || to_json(0);
      continue;
    end if;
    select coalesce(max(n), 0) into v_kept from ${s}.log_lines where seq = r.seq;
    v_room := greatest(0, ${limits.logLinesMax} - v_kept);
    insert into ${s}.log_lines (seq, n, attempt, at, level, message, fields)
      select r.seq, v_kept + x.nth, r.attempt, (x.line->>'at')::double precision,
        x.line->>'level', x.line->>'message', x.line->>'fields'
      from json_array_elements(r.lines) with ordinality as x(line, nth)
      where x.nth <= v_room;
    if v_lines > v_room then
      insert into ${s}.log_drops values (r.seq, v_lines - v_room)
        on conflict (seq) do update set dropped = ${s}.log_drops.dropped + excluded.dropped;
    end if;
    v_reply := v_reply || to_json(greatest(0, v_lines - v_room));
  end loop;
  return array_to_json(v_reply);
end
$$;
`;

/**
 * Owns the deleting of what nobody needs any more.
 *
 * P1 Nothing here takes the gate: finished runs and their payloads change no more. A run whose code
 *    lingers still stands in `live` and is left.
 * P2 A call deletes a bounded number of rows; rows that another call is deleting are left to it.
 */
import { limits } from '../../../core/limits.ts';

/** How long nodes that ended are still shown. */
const endedNodesKeptMs = 24 * 3_600_000;

export const pruningSql = (s: string): string => `
-- Deletes the oldest runs of one outcome that ended more than so many ms ago; gives their number.
create function ${s}.prune_runs(p_outcome integer, p_kept_ms double precision, p_max integer)
returns integer language plpgsql volatile as $$
declare
  v_seqs bigint[];
begin
  select array_agg(seq) into v_seqs from (
    select e.seq from ${s}.ended e
    where e.outcome = p_outcome and e.finished_at < ${s}.wall() - p_kept_ms
      and not exists (select 1 from ${s}.live l where l.seq = e.seq)
    order by e.finished_at, e.seq limit p_max
    for update skip locked
  ) q;
  if v_seqs is null then return 0; end if;
  delete from ${s}.ended where seq = any (v_seqs);
  delete from ${s}.runs where seq = any (v_seqs);
  delete from ${s}.attempts where seq = any (v_seqs);
  delete from ${s}.progress where seq = any (v_seqs);
  delete from ${s}.log_lines where seq = any (v_seqs);
  delete from ${s}.log_drops where seq = any (v_seqs);
  return cardinality(v_seqs);
end
$$;

-- Forgets nodes that ended, and tenants without terms whose turn is not ahead of the clock.
create function ${s}.prune_rest(p_max integer) returns void language plpgsql volatile as $$
begin
  delete from ${s}.nodes n
    where n.ended_at is not null and n.ended_at <= ${s}.wall() - ${endedNodesKeptMs}
      and not exists (select 1 from ${s}.live l where l.owner = n.node);
  delete from ${s}.nodes n where n.node in (
    select o.node from ${s}.nodes o where o.ended_at is not null
      and not exists (select 1 from ${s}.live l where l.owner = o.node)
    order by o.node desc offset ${limits.endedNodesMax}
  );
  delete from ${s}.cells c using (
    select q.key, q.n from ${s}.cells q
    where q.kind = 'turn' and q.a <= coalesce(
      (select a from ${s}.cells where kind = 'clock' and key = '' order by n desc limit 1), 0)
      and not exists (select 1 from ${s}.tenants t where t.tenant = q.key)
    limit p_max
  ) idle where c.kind = 'turn' and c.key = idle.key and c.n = idle.n;
end
$$;
`;

/**
 * Owns the parts of runs: their tables, and how they are kept and read. Stored format.
 *
 * P1 Parts are kept without the gate. The row of the run in 'live' is locked, in the order of seq,
 *    so that its ownership does not change meanwhile, and two owners never wait for each other.
 * P2 A page is read by one statement: whether the run has ended, and what is kept of it by then,
 *    are of one moment.
 */
import { limits } from '../../../core/limits.ts';

export const partsSql = (s: string): string => `
-- A block holds so many parts from the offset 'first' on. 'content' is a JSON array of them: a text
-- as it is, bytes as an object whose 'b' is their base64.
create table ${s}.parts (
  seq bigint not null,
  first bigint not null,
  count integer not null,
  attempt integer not null,
  content text not null,
  primary key (seq, first)
) with (autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_insert_scale_factor = 0.2);
-- Parts kept, their bytes, parts dropped, and how many the owner under \`fence\` has sent.
create table ${s}.part_sums (
  seq bigint not null primary key,
  kept bigint not null,
  bytes bigint not null,
  dropped bigint not null,
  fence bigint not null,
  sent bigint not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- Gives for each item, in its place, [kept, whether any were dropped]; [id, kept of its owner] of a
-- gap; [id, fence, null] if the fence is over; null if there is no such run.
create function ${s}.append_parts(p json) returns json language plpgsql volatile as $$
declare
  r record;
  v ${s}.part_sums;
  v_fits boolean;
  v_reply json[] := '{}';
begin
  perform l.seq from ${s}.live l
    where l.seq in (select x.seq from json_to_recordset(p) as x(seq bigint))
    order by l.seq for no key update;
  for r in
    select x.*, l.seq is not null as holds, l.attempt as current
    from json_to_recordset(p) as x(
      ord integer, seq bigint, fence bigint, attempt integer, sent bigint, count integer,
      content text, bytes bigint)
    left join ${s}.live l on l.seq = x.seq and l.fence = x.fence and l.stage = 5
    order by x.ord
  loop
    if not r.holds then
      v_reply := v_reply || coalesce((
        select json_build_array('stale', q.id, q.fence) from ${s}.run_rows q where q.seq = r.seq
      ), 'null'::json);
      continue;
    end if;
    select * into v from ${s}.part_sums where seq = r.seq;
    if not found then
      v := (r.seq, 0, 0, 0, r.fence, 0);
    elsif v.fence <> r.fence then
      v.fence := r.fence;
      v.sent := 0;
    end if;
    if r.sent + r.count > v.sent then
      if r.sent <> v.sent then
        v_reply := v_reply || (
          select json_build_array('gap', q.id, v.sent) from ${s}.runs q where q.seq = r.seq);
        continue;
      end if;
      v_fits := r.content is not null and v.dropped = 0
        and v.bytes + r.bytes <= ${limits.partsBytesMax};
      if v_fits then
        insert into ${s}.parts values (r.seq, v.kept, r.count, r.attempt, r.content);
        v.kept := v.kept + r.count;
        v.bytes := v.bytes + r.bytes;
      else
        v.dropped := v.dropped + r.count;
      end if;
      v.sent := v.sent + r.count;
      insert into ${s}.part_sums values (v.seq, v.kept, v.bytes, v.dropped, v.fence, v.sent)
        on conflict (seq) do update set kept = excluded.kept, bytes = excluded.bytes,
          dropped = excluded.dropped, fence = excluded.fence, sent = excluded.sent;
    end if;
    v_reply := v_reply || json_build_array('kept', v.kept, v.dropped > 0);
  end loop;
  return array_to_json(v_reply);
end
$$;

-- One page: blocks from that in which an offset stands, while they have no more than so many
-- characters, but one at least.
create function ${s}.part_blocks(p_seq bigint, p_from bigint, p_chars bigint)
returns json language sql stable as $$
  select coalesce(json_agg(json_build_object('first', q.first, 'count', q.count,
    'attempt', q.attempt, 'content', q.content) order by q.first), '[]'::json)
  from (
    select b.*, sum(length(b.content)) over (order by b.first) as chars,
      row_number() over (order by b.first) as nth
    from (
      select * from ${s}.parts
      where seq = p_seq and first >= coalesce(
        (select max(f.first) from ${s}.parts f where f.seq = p_seq and f.first <= p_from), 0)
        and first + count > p_from
      order by first limit ${limits.partsPageBlocksMax}
    ) b
  ) q where q.nth = 1 or q.chars <= p_chars
$$;
`;

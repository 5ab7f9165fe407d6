/**
 * Owns what schema version 3 adds to runs: the version of its function that a run is pinned to.
 *
 * N1 A run that is pinned stands in `live` under the name of its queue in place of that of its
 *    function: claims, orders and floors go by it as they are. `runs.fn` stays what it is.
 * N2 A program of version 2 asks for functions alone and is handed no run that is pinned. What it
 *    writes of one leaves the pin as it is (A4 of `apply`).
 * N3 A run is pinned in the transaction that keeps its first end or wait, once it is kept: the
 *    functions that keep it are those of version 2, and called by these.
 */
import { applySql } from './apply.ts';
import { claimSql } from './claim.ts';
import { hotSql } from './hot.ts';
import { inboxSql } from './inbox.ts';
import { loadSql } from './load.ts';
import { anew } from './migration-traces.ts';
import { runRowsSql } from './tables.ts';

/** The pin of a run, from `ended e`, or from its name in `live l`. */
const pin = `coalesce(e.pin,
      case when length(l.fn) > length(r.fn) then substr(l.fn, length(r.fn) + 2) end) as pin`;

/** Pins what the items of `p` name, where they may, and a step is kept by now. */
const pinning = (s: string): string => `
create function ${s}.pin_kept(p json, p_stage integer) returns void
language plpgsql volatile as $$
begin
  update ${s}.live l set fn = l.fn || chr(31) || x.pin
  from json_to_recordset(p) as x(seq bigint, fence bigint, pin text)
  where x.pin is not null and l.seq = x.seq and l.fence = x.fence and l.stage = p_stage
    and strpos(l.fn, chr(31)) = 0
    and exists (select 1 from ${s}.steps k
      where k.seq = l.seq and (k.nth is not null or k.waits = 1));
end
$$;

create function ${s}.record_pinned(p json) returns json language plpgsql volatile as $$
declare
  v_reply json := ${s}.record(p);
begin
  perform ${s}.pin_kept(p, 5);
  return v_reply;
end
$$;

create function ${s}.park_pinned(p json) returns json language plpgsql volatile as $$
declare
  v_parked json := ${s}.park_plain(p);
begin
  perform ${s}.pin_kept(p, 6);
  return v_parked;
end
$$;
`;

export const migrationPins = (s: string): string => {
  const rows = runRowsSql(s, `,\n    r.trace,\n    ${pin}`);
  const parts = [claimSql(s), hotSql(s), applySql(s), loadSql(s), inboxSql(s), pinning(s)];
  const columns = `alter table ${s}.ended add column if not exists pin text;\n`;
  return columns + anew([rows, ...parts].join('\n'));
};

/**
 * Owns the epochs of a database: after whatever may have lost commits, numbers begin above all that
 * were given out before (`src/store/epochs.ts`).
 *
 * E1 The row of `server` says which server, since when, gives numbers out, and names the file of
 *    its own table. So it does not fit after a restart or a failover (the start time differs),
 *    nor in a database that was restored (the file differs). It is gone after a crash that the
 *    server survived, and on a standby that was promoted: the table is not logged.
 * E2 Whoever is about to give out a number looks there first. If the row does not fit, it begins an
 *    epoch. That is one small read otherwise.
 * E3 The name of an epoch is the second in which it begins, by the server's clock; but it is
 *    greater than the one before, and so great that all numbers that are known lie below its floor.
 *    It is on the disk before a number of it is given out. So a crash of the same server never
 *    takes it back, whatever its clock does. Where a failover takes it back, the next one begins
 *    later.
 * E4 A run is accepted only with a policy that is there.
 * E5 The first epoch, that of a schema that was just made, is 0.
 */
import { epochMax, numbersPerEpoch } from '../../epochs.ts';
import { lockClass } from './clocks.ts';

/** Names the refusal of a policy that is not there. */
export const lostPolicy = 'holdfast_lost_policy';

/** What is numbered, beside fences. */
const sequences = ['run_seq', 'node_seq', 'policy_seq'] as const;

export const epochsSql = (s: string): string => `
-- For as long as this row fits, no commit can have been lost.
create unlogged table ${s}.server (
  started timestamptz not null primary key,
  place text not null,
  epoch bigint not null
);
insert into ${s}.server
  values (pg_postmaster_start_time(), pg_relation_filepath('${s}.server'::regclass), 0);

create function ${s}.epoch_known() returns bigint language plpgsql volatile as $$
begin
  return (select epoch from ${s}.server
    where started = pg_postmaster_start_time() and place = pg_relation_filepath(tableoid));
end
$$;

create function ${s}.epoch() returns bigint language plpgsql volatile as $$
declare
  v_epoch bigint := ${s}.epoch_known();
begin
  if v_epoch is not null then return v_epoch; end if;
  -- The heartbeat comes here without the gate.
  perform pg_advisory_xact_lock(${lockClass}, hashtext(current_database() || ' ${s} epoch'));
  v_epoch := ${s}.epoch_known();
  if v_epoch is not null then return v_epoch; end if;
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  v_epoch := greatest(
    least(floor(${s}.wall() / 1000), ${epochMax})::bigint,
    1 + coalesce((
      select a::bigint from ${s}.cells
        where kind = 'epoch' and key = '' order by n desc limit 1), 0),
    ${sequences
      .map((one) => `2 + (select last_value from ${s}.${one}) / ${numbersPerEpoch}`)
      .join(',\n    ')}
  );
  perform ${s}.put_cell('epoch', '', v_epoch, 0, 0, 0);
  ${sequences
    .map((one) => `perform setval('${s}.${one}', v_epoch * ${numbersPerEpoch});`)
    .join('\n  ')}
  delete from ${s}.server;
  insert into ${s}.server
    values (pg_postmaster_start_time(), pg_relation_filepath('${s}.server'::regclass), v_epoch);
  return v_epoch;
end
$$;

create function ${s}.policy_key() returns bigint language plpgsql volatile as $$
begin
  perform ${s}.epoch();
  return nextval('${s}.policy_seq');
end
$$;
alter table ${s}.policies alter column policy set default ${s}.policy_key();

-- Nodes remember the keys of policies: one that was lost is found out before a run has it.
create function ${s}.policies_there(p_keys bigint[]) returns void language plpgsql volatile as $$
begin
  if exists (
    select 1 from unnest(p_keys) k(policy)
    where not exists (select 1 from ${s}.policies q where q.policy = k.policy)
  ) then
    raise exception using errcode = 'serialization_failure', constraint = '${lostPolicy}',
      message = 'holdfast: a policy was lost in a failover';
  end if;
end
$$;

-- Every fence that is given out now is greater.
create function ${s}.fence_floor() returns bigint language plpgsql volatile as $$
begin
  return ${s}.epoch() * ${numbersPerEpoch};
end
$$;
`;

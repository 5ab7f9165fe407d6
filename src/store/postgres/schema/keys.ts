/**
 * Owns the table of access keys and what changes it: schema version 2. Stored format.
 *
 * K1 Keys have nothing to do with runs: they pass no gate. The bound on their number is kept by a
 *    lock on the table, which only whoever adds a key takes.
 */
import { limits } from '../../../core/limits.ts';

/** `hash` is SHA-256 of the secret, in hex; times are milliseconds since 1970. */
export const keysSql = (s: string): string => `
create table ${s}.access_keys (
  id text not null primary key,
  name text not null,
  hash text not null,
  scope text not null,
  tenant text,
  created_at double precision not null,
  used_at double precision
);

-- 'kept', 'full', or 'taken' by another key.
create function ${s}.put_key(p json) returns text language plpgsql volatile as $$
declare
  v_hash text;
begin
  lock table ${s}.access_keys in share row exclusive mode;
  select hash into v_hash from ${s}.access_keys where id = p->>'id';
  if found then
    return case when v_hash = p->>'hash' then 'kept' else 'taken' end;
  end if;
  if (select count(*) from ${s}.access_keys) >= ${limits.keysMax} then return 'full'; end if;
  insert into ${s}.access_keys (id, name, hash, scope, tenant, created_at)
    values (p->>'id', p->>'name', p->>'hash', p->>'scope', p->>'tenant', ${s}.wall());
  return 'kept';
end
$$;
`;

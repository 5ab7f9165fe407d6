/**
 * Owns the arrival of what is not about single runs: policies, terms and turns of tenants, pauses,
 * access keys, and the clock of the fair order.
 *
 * N1 It may come again: what is there already stays, and turns and clock are set to the same.
 */
import type { RunPolicy } from '../../ports/store-runs.ts';
import type { MovedSettings } from '../moving.ts';
import { jsonParam } from './json-param.ts';
import type { Queries } from './queries.ts';

/** Executes a statement over rows, which come as its one parameter, if there are any. */
export async function insert(
  queries: Queries,
  text: string,
  rows: readonly unknown[],
): Promise<void> {
  if (rows.length > 0) await queries.rows(text, [jsonParam(rows)]);
}

/** Keeps everything; gives the key that each policy has here, by the one that it had. */
export async function settle(
  queries: Queries,
  s: string,
  settings: MovedSettings,
): Promise<ReadonlyMap<number, number>> {
  const keys = await keepPolicies(queries, s, settings.policies);
  const terms = settings.tenants.filter(
    ({ weight, runningMax, waitingMax }) =>
      weight !== 1 || runningMax !== null || waitingMax !== null,
  );
  await insert(
    queries,
    `insert into ${s}.tenants (tenant, weight, running_max, waiting_max)
     select tenant, weight, "runningMax", "waitingMax" from json_to_recordset($1) as x(
       tenant text, weight double precision, "runningMax" integer, "waitingMax" integer)
     on conflict (tenant) do nothing`,
    terms,
  );
  await insert(
    queries,
    `insert into ${s}.pauses (kind, key, reason, since)
     select kind, key, reason, since from json_to_recordset($1) as x(
       kind text, key text, reason text, since double precision)
     on conflict (kind, key) do nothing`,
    settings.pauses,
  );
  await insert(
    queries,
    `insert into ${s}.access_keys (id, name, hash, scope, tenant, created_at, used_at)
     select id, name, hash, scope, tenant, "createdAt", "usedAt" from json_to_recordset($1) as x(
       id text, name text, hash text, scope text, tenant text, "createdAt" double precision,
       "usedAt" double precision)
     on conflict (id) do nothing`,
    settings.keys,
  );
  await insert(
    queries,
    `select ${s}.put_cell('turn', tenant, turn, 0, 0, 0) from json_to_recordset($1) as x(
       tenant text, turn double precision)`,
    settings.tenants,
  );
  await insert(
    queries,
    `select ${s}.put_cell('clock', '', turn, "turnsPerSecond", "measuredAt", "measuredTurn")
     from json_to_recordset($1) as x(turn double precision, "turnsPerSecond" double precision,
       "measuredAt" double precision, "measuredTurn" double precision)`,
    settings.clock === null ? [] : [settings.clock],
  );
  return keys;
}

async function keepPolicies(
  queries: Queries,
  s: string,
  policies: MovedSettings['policies'],
): Promise<ReadonlyMap<number, number>> {
  const given = policies.map(({ content }) => {
    const { attemptTimeoutMs: timeout, graceMs: grace } = JSON.parse(content) as RunPolicy;
    return { content, timeout, grace };
  });
  await insert(
    queries,
    `insert into ${s}.policies (content, attempt_timeout_ms, grace_ms)
     select content, timeout, grace from json_to_recordset($1) as x(
       content text, timeout double precision, grace double precision)
     on conflict (content) do nothing`,
    given,
  );
  const rows = await queries.rows<{ policy: number; content: string }>(
    `select policy::double precision, content from ${s}.policies`,
  );
  const found = new Map(rows.map(({ policy, content }) => [content, policy]));
  return new Map(policies.map(({ policy, content }) => [policy, found.get(content) ?? 0]));
}

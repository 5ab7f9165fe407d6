/**
 * Owns the acceptance of runs that were started inside the transactions of others.
 *
 * I1 A run leaves the inbox in the transaction that accepts it.
 * I2 A run whose id is taken by another one is dropped, and said so: nobody is left to refuse it
 *    to. One for which there is no room stays until there is. One that its terms of flow control
 *    refuse, or make another run, is there, and ended as rejected (T4 of the verb).
 * I3 The floor of the inbox says up to where a sweep has looked. A claim asks for a sweep when it
 *    finds something behind it. What a long transaction commits before it, and what had no room, is
 *    found by the sweeps that come anyway: they begin where everything is settled.
 */
import { policyUnset } from '../../../core/policy-unset.ts';
import type { WallMs } from '../../../core/time.ts';
import type { Woken } from '../../../ports/store.ts';
import type { StartFlow } from '../../../ports/store-flow.ts';
import type { RunPolicy, StartItem } from '../../../ports/store-runs.ts';
import { start } from '../../verbs/start.ts';
import type { Queries } from '../queries.ts';
import { type Deciding, decide } from './decide.ts';
import { startWants } from './start-wants.ts';

/** Runs that one sweep accepts. */
const acceptedMax = 500;

/** A run as it waits in the inbox. Stored format. */
interface Waiting {
  readonly id: string;
  readonly fn: string;
  readonly input: string;
  readonly lane?: string;
  readonly laneWidth?: number;
  readonly tenant?: string;
  readonly prioritySeconds?: number;
  readonly dueAt?: number;
  readonly deadlineAt?: number;
  readonly tags?: readonly string[];
  readonly policy?: RunPolicy;
  readonly trace?: string | null;
  readonly flow?: StartFlow;
}

const itemOf = (waiting: Waiting): StartItem => ({
  id: waiting.id,
  idempotent: true,
  fn: waiting.fn,
  input: waiting.input,
  lane: waiting.lane ?? null,
  laneWidth: waiting.laneWidth ?? 1,
  tenant: waiting.tenant ?? 'default',
  prioritySeconds: waiting.prioritySeconds ?? 0,
  dueAt: (waiting.dueAt ?? null) as WallMs | null,
  deadlineAt: (waiting.deadlineAt ?? null) as WallMs | null,
  tags: waiting.tags ?? [],
  // What is null there was left out by whoever wrote the item.
  policy: { ...policyUnset, ...waiting.policy },
  trace: waiting.trace ?? null,
  ...(waiting.flow === undefined ? {} : { flow: waiting.flow }),
});

/** What was accepted. */
export interface Accepted {
  /** There is more. */
  readonly more: boolean;
  readonly woken: Woken;
  /** Why runs were dropped (I2). */
  readonly dropped: readonly string[];
}

/** Accepts what waits. */
export async function acceptInbox(deciding: Deciding, queries: Queries): Promise<Accepted> {
  const { s, policies } = deciding;
  const rows = await queries.rows<{ readonly n: string; readonly item: Waiting }>(
    `select n::text, item from ${s}.inbox where inbox.n > (select ${s}.inbox_settled()) ` +
      `order by inbox.n limit ${acceptedMax}`,
  );
  const items = rows.map(({ item }) => itemOf(item));
  await policies.keep(
    queries,
    items.map(({ policy }) => policy),
  );
  const { reply, woken } = await decide(
    deciding,
    queries,
    startWants(items),
    (txn) => start(txn, items, true),
    (decided) => {
      const last = rows.at(-1);
      if (last === undefined) return null;
      const left = rows.filter((_, at) => leaves(decided.reply[at]));
      const gone = left.length === 0 ? 'null' : left.map(({ n }) => n).join(', ');
      return `delete from ${s}.inbox where n in (${gone}); ` + `select ${s}.inbox_on(${last.n});`;
    },
  );
  const dropped = reply.flatMap((verdict) =>
    !verdict.ok && verdict.code === 'run.conflict' ? [verdict.message] : [],
  );
  const more = rows.length === acceptedMax && reply.some(({ ok }) => ok);
  return { more, woken, dropped };
}

const leaves = (verdict: { ok: boolean; code?: string } | undefined): boolean =>
  verdict !== undefined && (verdict.ok || verdict.code === 'run.conflict');

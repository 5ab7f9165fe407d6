/**
 * Owns the verbs that change runs.
 *
 * V1 Plain runs take the short way, one call of a function of the schema; whatever has a lane, a
 *    limit, a delay, or did not succeed is decided by the verbs of the embedded stores.
 * V2 Both ways hold the gate, so that their order is one order.
 */
import { limits } from '../../core/limits.ts';
import type { WallMs } from '../../core/time.ts';
import type { Log } from '../../ports/log.ts';
import type { Store, Waking, Woken } from '../../ports/store.ts';
import type {
  ClaimAsk,
  ClaimReply,
  EndItem,
  EndVerdict,
  NoteItem,
  NoteVerdict,
  StartItem,
  StartVerdict,
} from '../../ports/store-runs.ts';
import { type ClaimTuple, claimedRun } from './claimed.ts';
import type { ArgsOf, DecidedName, Decider, ReplyOf } from './deciding/decider.ts';
import type { Wants } from './deciding/loaded.ts';
import { again, startWants } from './deciding/start-wants.ts';
import { jsonParam } from './json-param.ts';
import type { Policies } from './policies.ts';
import type { Pool } from './pool.ts';
import type { ShortCalls } from './short-calls.ts';
import { tried } from './tried.ts';

/** What the verbs work with. */
export interface VerbBase {
  /** The quoted schema. */
  readonly s: string;
  readonly pool: Pool;
  readonly short: ShortCalls;
  readonly policies: Policies;
  readonly log: Log;
  readonly busyPatienceMs: number;
  /** Who decides at the moment. */
  readonly decider: () => Decider;
  /** Refuses when the store is closed, and remembers what is under way. */
  readonly call: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Asks for a decision. */
export const deciding =
  ({ decider }: VerbBase) =>
  <N extends DecidedName>(name: N, wants: Wants, ...args: ArgsOf<N>): Promise<ReplyOf<N>> =>
    decider().decide(name, wants, args);

/** Runs with a place in a lane that this process claimed: their ends are never plain. */
const placedMax = 100_000;

/** The verbs. */
export function openRunVerbs(base: VerbBase) {
  const { call } = base;
  const placed = new Set<number>();
  const by = deciding(base);
  let claimedLast = false;
  return {
    start: (items) => call(() => startRuns(base, items)),
    claim: (ask) =>
      call(async () => {
        const reply = await claimRuns(base, ask, claimedLast);
        if (!reply.ok) return reply;
        claimedLast = reply.runs.length > 0;
        if (placed.size > placedMax) placed.clear();
        for (const { lane, seq } of reply.runs) if (lane !== null) placed.add(seq);
        return reply;
      }),
    end: (items) => call(() => endRuns(base, placed, items)),
    note: (items) => call(() => noteRuns(base, items)),
    settled: (node, seqs) => call(() => by('settled', { seqs }, node, seqs)),
    cancel: (items) => call(() => by('cancel', { ids: items.map(({ id }) => id) }, items)),
    retry: (items) =>
      call(() => {
        const ids = items.flatMap(({ id, newId }) => [id, newId]);
        return by('retry', { ids, fresh: items.length }, items);
      }),
  } satisfies Partial<Store>;
}

const wokenBy = (woken: Partial<Woken>): Woken => ({
  ...{ ready: false, stop: false, done: false },
  ...woken,
});

/** Whether an item may take the short way, as far as the item itself tells. */
const plain = ({ lane, dueAt }: StartItem): boolean => lane === null && dueAt === null;

async function startRuns(
  base: VerbBase,
  items: readonly StartItem[],
): Promise<Waking<readonly StartVerdict[]>> {
  if (items.length === 0) return { reply: [], woken: wokenBy({}) };
  const ids = new Set(items.map(({ id }) => id));
  const short = items.every(plain) && ids.size === items.length;
  const sent = short ? await startPlain(base, items) : 'not';
  if (sent === 'done') {
    const reply = items.map(({ id }): StartVerdict => ({ ok: true, id, created: true }));
    return { reply, woken: wokenBy({ ready: true }) };
  }
  const by = deciding(base);
  if (sent === 'not') return by('start', startWants(items), items);
  const known = again.sent(items);
  return again.answered(await by('start', startWants(known), known), items);
}

/** The short way: whether it was taken, or (`unknown`) may have been. */
function startPlain(
  { pool, short, policies, s, busyPatienceMs }: VerbBase,
  items: readonly StartItem[],
): Promise<'done' | 'not' | 'unknown'> {
  return tried(busyPatienceMs, (unknown) => {
    if (unknown) return Promise.resolve('unknown' as const);
    const wanted = items.map(({ policy }) => policy);
    const send = async () => {
      const { value } = await short.ask<boolean>(
        `select ${s}.start_plain($1, $2, $3) as value`,
        [
          jsonParam(items.map((item, ord) => plainItem(item, ord, policies))),
          items.map(({ id }) => id),
          [...new Set(items.map(({ tenant }) => tenant))],
        ],
        true,
      );
      return value ? 'done' : 'not';
    };
    // In the turn of the caller, wherever that can be: what is asked in it then travels along.
    if (policies.has(wanted)) return send();
    return pool.write((queries) => policies.keep(queries, wanted)).then(send);
  });
}

const plainItem = (item: StartItem, ord: number, policies: Policies): object => ({
  ord,
  id: item.id,
  fn: item.fn,
  tenant: item.tenant,
  width: item.laneWidth,
  priority: item.prioritySeconds,
  deadline: item.deadlineAt,
  tags: item.tags.length === 0 ? '[]' : JSON.stringify(item.tags),
  policy: policies.key(item.policy),
  input: item.input,
});

interface ClaimAnswer {
  /** The state of a node that gets no runs. */
  readonly state?: string;
  readonly runs?: readonly ClaimTuple[] | null;
  readonly next?: number | null;
}

/**
 * Not tried again: what a lost answer handed out is found among what the node owns. `likely`: it
 * will bring something, which is made durable in the same breath. An idle node, whose claims bring
 * nothing, makes nothing durable and asks half as much.
 */
async function claimRuns(
  { pool, short, policies, s }: VerbBase,
  ask: ClaimAsk,
  likely: boolean,
): Promise<ClaimReply> {
  const runsMax = Math.min(ask.runsMax, limits.claimRunsMax);
  const { value: answer, durable } = await short.ask<ClaimAnswer>(
    `select ${s}.claim($1, $2, $3, $4) as value`,
    [
      ask.node,
      ask.functions.map(({ fn }) => fn),
      ask.functions.map((one) => Math.max(0, Math.min(one.runsMax, runsMax))),
      Math.max(0, runsMax),
    ],
    likely,
  );
  if (answer.state !== undefined) {
    const message = `node ${ask.node} is ${answer.state} and gets no runs`;
    return { ok: false, code: 'node.fenced', message };
  }
  const tuples = answer.runs ?? [];
  if (!durable && tuples.length > 0) await pool.write((queries) => queries.flushed());
  const keys = tuples.map((tuple) => tuple[12]);
  if (!policies.knows(keys)) await pool.read((queries) => policies.know(queries, keys));
  const runs = tuples.map((tuple) => claimedRun(tuple, policies.policy(tuple[12])));
  return { ok: true, runs, nextDueAt: (answer.next ?? null) as WallMs | null };
}

async function endRuns(
  base: VerbBase,
  placed: Set<number>,
  items: readonly EndItem[],
): Promise<Waking<readonly EndVerdict[]>> {
  const { short, s, busyPatienceMs } = base;
  const plainly = items.flatMap(({ seq, fence, end }) =>
    end.how === 'succeeded' && !placed.has(seq) ? [{ seq, fence, result: end.result }] : [],
  );
  // What may have ended in a call that broke off is decided by its fence.
  const ended =
    plainly.length === 0
      ? []
      : await tried<readonly number[]>(busyPatienceMs, async (unknown) => {
          if (unknown) return [];
          const text = `select ${s}.succeed_plain($1) as value`;
          return (await short.ask<readonly number[]>(text, [jsonParam(plainly)], true)).value;
        });
  const { done, rest } = parted(items, new Set(ended));
  const decided =
    rest.length === 0
      ? { reply: [], woken: wokenBy({}) }
      : await deciding(base)('end', { seqs: rest.map(({ seq }) => seq) }, rest);
  for (const { seq } of items) placed.delete(seq);
  const verdicts = decided.reply.values();
  const reply = items.map((item) => (done.has(item) ? success : next(verdicts)));
  return { reply, woken: { ...decided.woken, done: decided.woken.done || done.size > 0 } };
}

/** Which items ended plainly: of several that name one run, the first that could. */
function parted(items: readonly EndItem[], ended: Set<number>) {
  const done = new Set<EndItem>();
  const rest: EndItem[] = [];
  for (const item of items) {
    if (item.end.how === 'succeeded' && ended.delete(item.seq)) done.add(item);
    else rest.push(item);
  }
  return { done, rest };
}

const success: EndVerdict = {
  ok: true,
  outcome: { kind: 'succeeded', error: null },
  repeated: false,
};

function next(verdicts: Iterator<EndVerdict>): EndVerdict {
  const { value } = verdicts.next() as { readonly value: EndVerdict };
  return value;
}

/**
 * Not tried again after an unknown end: a line that is written twice is worse than one fault that
 * its owner hears of.
 */
async function noteRuns(
  { short, s }: VerbBase,
  items: readonly NoteItem[],
): Promise<readonly NoteVerdict[]> {
  if (items.length === 0) return [];
  const text = jsonParam(items.map((item, ord) => ({ ord, ...item })));
  const { value: replies } = await short.ask<
    readonly (number | readonly [string, number] | null)[]
  >(`select ${s}.note($1) as value`, [text], true);
  return items.map(({ seq, fence }, at): NoteVerdict => {
    const reply = replies[at] ?? null;
    if (typeof reply === 'number') return { ok: true, dropped: reply };
    if (reply === null) {
      return { ok: false, code: 'run.not_found', message: `run number ${seq} is not in the store` };
    }
    const message = `run '${reply[0]}' stands under fence ${reply[1]}; fence ${fence} is over`;
    return { ok: false, code: 'fence.stale', message };
  });
}

/**
 * Owns the verbs that change runs.
 *
 * V1 Plain runs take the short way, one call of a function of the schema; whatever has a lane, a
 *    limit, a delay, or did not succeed is decided by the verbs of the embedded stores.
 * V2 Both ways hold the gate, so that their order is one order.
 */
import { limits } from '../../core/limits.ts';
import { queueOf } from '../../core/queue.ts';
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
import type { StepWrite } from '../../ports/store-steps.ts';
import { int8Array, textArray } from './array-params.ts';
import { type ClaimedColumns, claimedRuns } from './claimed.ts';
import type { ArgsOf, DecidedName, Decider, ReplyOf } from './deciding/decider.ts';
import type { Wants } from './deciding/loaded.ts';
import { again, startWants } from './deciding/start-wants.ts';
import { parkWants, waitsForChildren } from './deciding/step-wants.ts';
import { jsonParam } from './json-param.ts';
import type { Policies } from './policies.ts';
import type { Pool } from './pool.ts';
import type { Call } from './queries.ts';
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
  /** A statement that tells others that there are runs, if it is time for one. */
  readonly tellReady: () => Call | null;
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

/** So many ends are worth a connection of their own, beside a claim (see `door` in the schema). */
const besideItemsMin = 16;
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
    settled: (node, items) =>
      call(() => by('settled', { seqs: items.map(({ seq }) => seq) }, node, items)),
    cancel: (items) => call(() => by('cancel', { ids: items.map(({ id }) => id) }, items)),
    retry: (items) =>
      call(() => {
        const ids = items.flatMap(({ id, newId }) => [id, newId]);
        return by('retry', { ids, fresh: items.length }, items);
      }),
    repin: (items) => call(() => by('repin', { ids: items.map(({ id }) => id) }, items)),
    redrive: (items) =>
      call(() => {
        const ids = items.flatMap(({ id, newId }) => [id, newId]);
        const deadIds = items.map(({ id }) => id);
        return by('redrive', { ids, deadIds, fresh: items.length }, items);
      }),
    discard: (items) =>
      call(() => {
        const ids = items.map(({ id }) => id);
        return by('discard', { ids, deadIds: ids }, items);
      }),
  } satisfies Partial<Store>;
}

const wokenBy = (woken: Partial<Woken>): Woken => ({
  ...{ ready: false, stop: false, done: false },
  ...woken,
});

/** Whether an item may take the short way, as far as the item itself tells. */
const plain = ({ lane, dueAt, flow, parent }: StartItem): boolean =>
  lane === null && dueAt === null && flow === undefined && parent === undefined;

async function startRuns(
  base: VerbBase,
  items: readonly StartItem[],
): Promise<Waking<readonly StartVerdict[]>> {
  if (items.length === 0) return { reply: [], woken: wokenBy({}) };
  const ids = new Set(items.map(({ id }) => id));
  const short = items.every(plain) && ids.size === items.length;
  const sent = short ? await startPlain(base, items) : 'not';
  if (sent === 'done' || sent === 'told') {
    const reply = items.map(({ id }): StartVerdict => ({ ok: true, id, created: true }));
    return { reply, woken: wokenBy({ ready: sent === 'done' }) };
  }
  const by = deciding(base);
  if (sent === 'not') return by('start', startWants(items), items);
  const known = again.sent(items);
  return again.answered(await by('start', startWants(known), known), items);
}

/**
 * The short way: whether it was taken, or (`unknown`) may have been. `told`: so have the others,
 * by a transaction right behind that of the start, which is the shortest way to their slots.
 */
function startPlain(
  { pool, short, policies, s, busyPatienceMs, tellReady }: VerbBase,
  items: readonly StartItem[],
): Promise<'done' | 'told' | 'not' | 'unknown'> {
  return tried(busyPatienceMs, (unknown) => {
    if (unknown) return Promise.resolve('unknown' as const);
    const wanted = items.map(({ policy }) => policy);
    const send = async () => {
      const started = short.ask<boolean>(
        `select ${s}.start_plain($1, $2, $3) as value`,
        [
          jsonParam(items.map((item, ord) => plainItem(item, ord, policies))),
          items.map(({ id }) => id),
          [...new Set(items.map(({ tenant }) => tenant))],
        ],
        { flush: 'yes' },
      );
      const word = tellReady();
      const telling = word === null ? null : short.ask(word.text, word.values, { flush: 'no' });
      const told = telling?.then(
        () => true,
        () => false,
      );
      const { value } = await started;
      if (!value) return 'not';
      return (await told) === true ? 'told' : 'done';
    };
    // In the turn of the caller, wherever that can be: what is asked in it then travels along.
    if (policies.has(wanted)) return policies.kept(send);
    return pool.write((queries) => policies.keep(queries, wanted)).then(() => policies.kept(send));
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
  ...(typeof item.trace === 'string' ? { trace: item.trace } : {}),
  input: item.input,
});

interface ClaimAnswer {
  /** The state of a node that gets no runs. */
  readonly state?: string;
  readonly runs?: ClaimedColumns;
  readonly next?: number | null;
}

/** The queues of functions, each with the room of its function. */
const queuesOf = (functions: ClaimAsk['functions'], runsMax: number) =>
  functions.flatMap(({ fn, runsMax: most, versions = [] }) => {
    const room = Math.max(0, Math.min(most, runsMax));
    return [null, ...versions].map((pin) => ({ queue: queueOf(fn, pin), room }));
  });

/**
 * Not tried again: what a lost answer handed out is found among what the node owns. `likely`: it
 * will bring something, which is made durable in the same breath. So it is where somebody said that
 * there are runs, if it does bring something. An idle node makes nothing durable and asks less.
 */
async function claimRuns(
  { pool, short, policies, s }: VerbBase,
  ask: ClaimAsk,
  likely: boolean,
): Promise<ClaimReply> {
  const runsMax = Math.min(ask.runsMax, limits.claimRunsMax);
  const queues = queuesOf(ask.functions, runsMax);
  const { value: answer, durable } = await short.ask<ClaimAnswer>(
    `select ${s}.claim($1, $2, $3, $4) as value`,
    [
      ask.node,
      queues.map(({ queue }) => queue),
      queues.map(({ room }) => room),
      Math.max(0, runsMax),
    ],
    { flush: likely ? 'yes' : ask.told === true ? 'if-handed' : 'no' },
  );
  if (answer.state !== undefined) {
    const message = `node ${ask.node} is ${answer.state} and gets no runs`;
    return { ok: false, code: 'node.fenced', message };
  }
  const columns = answer.runs;
  if (!durable && columns !== undefined) await pool.write((queries) => queries.flushed());
  const keys = columns?.policy ?? [];
  if (!policies.knows(keys)) await pool.read((queries) => policies.know(queries, keys));
  const runs = columns === undefined ? [] : claimedRuns(columns, (key) => policies.policy(key));
  return { ok: true, runs, nextDueAt: (answer.next ?? null) as WallMs | null };
}

async function endRuns(
  base: VerbBase,
  placed: Set<number>,
  items: readonly EndItem[],
): Promise<Waking<readonly EndVerdict[]>> {
  const [ended, parked] = await Promise.all([
    endPlain(base, placed, items),
    parkPlain(base, items),
  ]);
  const some = ended.seqs.length > 0;
  const { done, rest } = parted(items, new Set(ended.seqs), new Set(parked));
  const wants = { seqs: rest.map(({ seq }) => seq), ...parkWants(rest) };
  const decided =
    rest.length === 0
      ? { reply: [], woken: wokenBy({}) }
      : await deciding(base)('end', wants, rest);
  for (const { seq } of items) placed.delete(seq);
  const verdicts = decided.reply.values();
  const reply = items.map((item) => done.get(item) ?? next(verdicts));
  const woken = { ...decided.woken, done: decided.woken.done || some };
  return { reply, woken: ended.family ? { ...woken, family: true } : woken };
}

const bySeq = (a: { readonly seq: number }, b: { readonly seq: number }): number => a.seq - b.seq;

/** The runs that were ended, and whether that left something to be done for their families. */
interface EndedPlain {
  readonly seqs: readonly number[];
  readonly family: boolean;
}

const noneEnded: EndedPlain = { seqs: [], family: false };

/** What `succeed_kin` gives: `true` stands for all that were sent. */
type EndedReply = true | readonly number[] | { readonly ended: true | readonly number[] };

/** Ends what is plain. Rows are locked in order of seq. */
async function endPlain(
  { short, s, busyPatienceMs }: VerbBase,
  placed: Set<number>,
  items: readonly EndItem[],
): Promise<EndedPlain> {
  const plain = items.filter(({ seq, end }) => end.how === 'succeeded' && !placed.has(seq));
  if (plain.length === 0) return noneEnded;
  const seqs: number[] = [];
  const fences: number[] = [];
  const results: string[] = [];
  for (const { seq, fence, end } of plain.sort(bySeq)) {
    if (end.how !== 'succeeded') continue;
    seqs.push(seq);
    fences.push(fence);
    results.push(end.result);
  }
  const text = `select ${s}.succeed_kin($1, $2, $3) as value`;
  const values = [int8Array(seqs), int8Array(fences), textArray(results)];
  const terms = { flush: 'yes', beside: seqs.length >= besideItemsMin } as const;
  // What may have ended in a call that broke off is decided by its fence.
  const reply = await tried<EndedReply>(busyPatienceMs, async (unknown) =>
    unknown ? [] : (await short.ask<EndedReply>(text, values, terms)).value,
  );
  const family = typeof reply === 'object' && 'ended' in reply;
  const ended = family ? reply.ended : reply;
  return { seqs: ended === true ? seqs : ended, family };
}

/** Parks what the database may park by itself; gives the runs that were parked. */
async function parkPlain(
  { short, s, busyPatienceMs }: VerbBase,
  items: readonly EndItem[],
): Promise<readonly number[]> {
  const sent = plainParks(items);
  if (sent.length === 0) return [];
  const pins = sent.some(({ pin }) => pin !== undefined);
  const text = `select ${s}.${pins ? 'park_pinned' : 'park_plain'}($1) as value`;
  const values = [jsonParam(sent.toSorted(bySeq))];
  return tried<readonly number[]>(busyPatienceMs, async (unknown) =>
    unknown ? [] : (await short.ask<readonly number[]>(text, values, { flush: 'yes' })).value,
  );
}

const isForSignal = (write: StepWrite): boolean => write.kind === 'signal';

/**
 * Parked runs that the database may park by itself: those that are named once. It knows of no
 * signals: who waits for one is parked by a decision, which looks into the inbox first.
 */
function plainParks(items: readonly EndItem[]) {
  const times = new Map<number, number>();
  for (const { seq } of items) times.set(seq, (times.get(seq) ?? 0) + 1);
  return items.flatMap(({ seq, fence, end }) =>
    end.how === 'parked' &&
    times.get(seq) === 1 &&
    !end.waits.some(isForSignal) &&
    !end.waits.some(waitsForChildren)
      ? [{ seq, fence, seen: end.seen, waits: end.waits, pin: end.pin }]
      : [],
  );
}

/** Which items ended plainly: of several that name one run, the first that could. */
function parted(items: readonly EndItem[], ended: Set<number>, parked: Set<number>) {
  const done = new Map<EndItem, EndVerdict>();
  const rest: EndItem[] = [];
  for (const item of items) {
    if (item.end.how === 'succeeded' && ended.delete(item.seq)) done.set(item, success);
    else if (item.end.how === 'parked' && parked.delete(item.seq)) done.set(item, waits);
    else rest.push(item);
  }
  return { done, rest };
}

const waits: EndVerdict = { ok: true, outcome: null, repeated: false };

const success: EndVerdict = {
  ok: true,
  outcome: { kind: 'succeeded', error: null },
  repeated: false,
};

function next(verdicts: Iterator<EndVerdict>): EndVerdict {
  const { value } = verdicts.next() as { readonly value: EndVerdict };
  return value;
}

/** For each item lines that were dropped; id and fence, if the fence is over; or null. */
type Noted = readonly (number | readonly [string, number] | null)[];

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
  const sets = items.some(({ state }) => state !== undefined);
  const ask = <T>(name: string) =>
    short.ask<T>(`select ${s}.${name}($1) as value`, [text], { flush: 'yes' });
  const { unkept, notes } = sets
    ? (await ask<{ readonly unkept: readonly number[]; readonly notes: Noted }>('note_state')).value
    : { unkept: [], notes: (await ask<Noted>('note')).value };
  return items.map(({ seq, fence }, at): NoteVerdict => {
    const reply = notes[at] ?? null;
    const { [at]: left = 0 } = unkept;
    if (typeof reply === 'number') {
      return { ok: true, dropped: reply, ...(left > 0 && { unkept: left }) };
    }
    if (reply === null) {
      return { ok: false, code: 'run.not_found', message: `run number ${seq} is not in the store` };
    }
    const message = `run '${reply[0]}' stands under fence ${reply[1]}; fence ${fence} is over`;
    return { ok: false, code: 'fence.stale', message };
  });
}

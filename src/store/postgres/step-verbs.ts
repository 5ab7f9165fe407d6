/**
 * Owns the verbs about steps and events.
 *
 * V1 What owners write goes the short way, one call of a function of the schema without the gate;
 *    items with a wait for an event or for children are decided (R2 of `schema/recording.ts`), and
 *    with them all others of the same runs, so that their order stays.
 * V2 Events that nobody waits for go the short way; answers, signals and forks are decided.
 */
import { limits } from '../../core/limits.ts';
import type { Store, Waking } from '../../ports/store.ts';
import type {
  EventItem,
  EventVerdict,
  ForkVerdict,
  RecordItem,
  RecordVerdict,
  StepWrite,
} from '../../ports/store-steps.ts';
import { type StepTuple, stepOf } from '../step-tuple.ts';
import { wantedPathsMax } from '../verbs/events.ts';
import { forkWants, recordWants, signalWants, waitsForChildren } from './deciding/step-wants.ts';
import { jsonParam } from './json-param.ts';
import { deciding, type VerbBase } from './run-verbs.ts';
import { tried } from './tried.ts';

const nothing = { ready: false, stop: false, done: false };
/** Forks of one decision: each copies the steps of a run. */
const forksEach = 50;

/** The verbs. */
export function openStepVerbs(base: VerbBase) {
  const { call } = base;
  const by = deciding(base);
  return {
    record: (items) => call(() => recordSteps(base, items)),
    emit: (items) => call(() => emitEvents(base, items)),
    answer: (items) => call(() => by('answer', { tokens: items.map(({ token }) => token) }, items)),
    signal: (items) => call(() => by('signal', signalWants(items), items)),
    fork: (items) =>
      call(async () => {
        const reply: ForkVerdict[] = [];
        let woken = nothing;
        for (let at = 0; at < items.length; at += forksEach) {
          const part = items.slice(at, at + forksEach);
          const answer = await by('fork', forkWants(part), part);
          reply.push(...answer.reply);
          woken = { ...woken, ready: woken.ready || answer.woken.ready };
        }
        return { reply, woken };
      }),
  } satisfies Partial<Store>;
}

const isDecided = (write: StepWrite): boolean =>
  write.does === 'wait' && (write.event !== null || waitsForChildren(write));

async function recordSteps(
  base: VerbBase,
  items: readonly RecordItem[],
): Promise<Waking<readonly RecordVerdict[]>> {
  const slow = new Set(items.filter(({ writes }) => writes.some(isDecided)).map(({ seq }) => seq));
  const short = items.filter(({ seq }) => !slow.has(seq));
  const rest = items.filter(({ seq }) => slow.has(seq));
  const [kept, decided] = await Promise.all([
    recordPlain(base, short),
    rest.length === 0
      ? { reply: [], woken: nothing }
      : deciding(base)('record', { seqs: rest.map(({ seq }) => seq), ...recordWants(rest) }, rest),
  ]);
  const from = { kept: kept.values(), decided: decided.reply.values() };
  const reply = items.map(({ seq }) => {
    const { value } = (slow.has(seq) ? from.decided : from.kept).next();
    return value as RecordVerdict;
  });
  return { reply, woken: decided.woken };
}

type Kept =
  | { readonly steps: readonly (StepTuple | null)[]; readonly nth: number }
  | number
  | { readonly id: string; readonly fence: number; readonly lost: boolean }
  | null;

/** Tried again after an unknown end, too: what was kept by then is found. */
async function recordPlain(
  { short, s, busyPatienceMs }: VerbBase,
  items: readonly RecordItem[],
): Promise<readonly RecordVerdict[]> {
  if (items.length === 0) return [];
  const text = jsonParam(
    items.map(({ seq, fence, knows, writes, pin }, ord) => ({
      ...{ ord, seq, fence, knows, writes, pin },
    })),
  );
  const by = items.some(({ pin }) => pin !== undefined) ? 'record_pinned' : 'record';
  // That a step has begun is shown, and nothing depends on it.
  const durable = items.some(({ writes }) => writes.some(({ does }) => does !== 'begin'));
  const { value } = await tried(busyPatienceMs, () =>
    short.ask<readonly Kept[]>(`select ${s}.${by}($1) as value`, [text], {
      flush: durable ? 'yes' : 'no',
    }),
  );
  return items.map((item, at) => verdictOf(item, value[at] ?? null));
}

function verdictOf({ seq, fence }: RecordItem, kept: Kept): RecordVerdict {
  if (kept === null) {
    return { ok: false, code: 'run.not_found', message: `run number ${seq} is not in the store` };
  }
  if (typeof kept === 'number') {
    const message = `run number ${seq} has ${kept} steps, and ${limits.stepsMax} are allowed`;
    return { ok: false, code: 'steps.full', message };
  }
  if ('fence' in kept) {
    const message = kept.lost
      ? `run '${kept.id}' lost steps that its owner knows, in a failover of the store`
      : `run '${kept.id}' stands under fence ${kept.fence}; fence ${fence} is over`;
    return { ok: false, code: 'fence.stale', message };
  }
  const steps = kept.steps.map((tuple) => (tuple === null ? null : stepOf(tuple)));
  return { ok: true, steps, nth: kept.nth };
}

async function emitEvents(
  base: VerbBase,
  items: readonly EventItem[],
): Promise<Waking<readonly EventVerdict[]>> {
  if (items.length === 0) return { reply: [], woken: nothing };
  if (await emitPlain(base, items)) {
    const reply = items.map(
      ({ id }): EventVerdict => ({ ok: true, id, created: true, woke: 0, more: false }),
    );
    return { reply, woken: nothing };
  }
  const wants = {
    eventIds: items.map(({ tenant, id }) => ({ tenant, id })),
    names: items.map(({ tenant, name }) => ({ tenant, name })),
    pathsMax: wantedPathsMax,
  };
  return deciding(base)('emit', wants, items);
}

/** False: it has to be decided, or the end of the call is unknown. */
async function emitPlain(
  { short, s, busyPatienceMs }: VerbBase,
  items: readonly EventItem[],
): Promise<boolean> {
  const ids = new Set(items.map(({ tenant, id }) => JSON.stringify([tenant, id])));
  if (ids.size < items.length) return false;
  const text = jsonParam(items.map((item, ord) => ({ ord, ...item })));
  return tried(busyPatienceMs, async (unknown) => {
    if (unknown) return false;
    return (
      await short.ask<boolean>(`select ${s}.emit_plain($1) as value`, [text], { flush: 'yes' })
    ).value;
  });
}

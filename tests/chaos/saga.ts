/**
 * Owns the durable function of a chaos run: a program of steps and waits, one after the other and
 * side by side, which follows from the input alone. Whatever interrupts it, it has to be given the
 * same in every attempt.
 *
 * G1 Before a step's code acts, and whenever the code is given something, that is in the ledger.
 * G2 Every wait ends by itself some time: nobody outside is needed for a run to end.
 */
import { NonRetryableError, type RunContext, type Signal } from 'holdfast';
import { type SeededRandom, seededRandom } from '../../src/testing/index.ts';
import type { WorkInput } from './functions.ts';
import type { Pen } from './ledger.ts';
import { pause } from './pause.ts';

/** What a program does at one place. */
export interface Deed {
  readonly does: (typeof singles)[number];
  readonly ms: number;
  /** Its key among the steps of its run. */
  readonly key: string;
}

/** Deeds side by side; most are alone. */
type Row = readonly Deed[];

const kinds = {
  ...{ step: 'step', shaky: 'step', doomed: 'step' },
  ...{ sleep: 'sleep', event: 'event', approval: 'approval', signal: 'signal' },
  children: 'child',
} as const;

const singles = [
  ...(['step', 'step', 'step', 'shaky', 'doomed', 'sleep', 'event', 'approval'] as const),
  ...(['signal', 'children'] as const),
] as const;

/** The event that all of them wait for; each goes by its data. */
export const eventName = 'go';

/** The function that only durable code starts. */
export const child = 'kid';

/** The name of all signals: which of them a run is given goes by their order. */
export const signalName = 'tell';

/** What a run with this salt does. */
export function programOf(salt: number): readonly Row[] {
  const random = seededRandom(Math.floor(salt) + 77_000_000);
  let count = 0;
  const deed = (): Deed => {
    count += 1;
    const does = random.pick(singles);
    return { does, ms: msOf(random, does), key: `${kinds[does]}/d${count}` };
  };
  return Array.from({ length: random.between(2, 6) }, () =>
    random.chance(0.25) ? [deed(), deed(), deed()] : [deed()],
  );
}

/** Waits beyond 50 ms give the slot back; some are below. */
function msOf(random: SeededRandom, does: Deed['does']): number {
  if (does === 'event' || does === 'approval' || does === 'signal') {
    return random.between(300, 3_000);
  }
  if (does === 'children') return random.between(1, 4);
  if (does === 'sleep') return random.pick([20, random.between(60, 1_200)]);
  return random.pick([0, random.between(1, 40), random.between(60, 400)]);
}

/** What it gives back. */
export interface SagaResult {
  readonly fence: number;
  readonly attempt: number;
  readonly given: readonly string[];
}

/** Carries one attempt out. */
export async function perform(salt: number, ctx: RunContext, pen: Pen): Promise<SagaResult> {
  const { runId: run, fence, attempt, signal } = ctx;
  const about = { run, fence };
  const tell = (what: 'begin' | 'return' | 'throw' | 'left'): void =>
    pen({ ...about, what, aborted: signal.aborted });
  tell('begin');
  signal.addEventListener('abort', () => tell('left'), { once: true });
  const given: string[] = [];
  const act = async (deed: Deed): Promise<void> => {
    const value = await once(deed, ctx, pen);
    if (signal.aborted) throw signal.reason;
    pen({ ...about, what: 'given', nth: given.length, key: deed.key, value });
    given.push(value);
  };
  try {
    for (const row of programOf(salt)) await Promise.all(row.map(act));
    signal.throwIfAborted();
  } catch (error) {
    tell('throw');
    throw error;
  }
  tell('return');
  return { fence, attempt, given };
}

/** What it gives, as JSON: it may differ from run to run, and not from attempt to attempt. */
async function once(deed: Deed, ctx: RunContext, pen: Pen): Promise<string> {
  const { runId: run, fence } = ctx;
  const { does, ms, key } = deed;
  const name = key.slice(key.indexOf('/') + 1);
  const waits = kinds[does] !== 'step' && does !== 'children';
  if (waits) pen({ what: 'asks', run, fence, key, ms });
  switch (does) {
    case 'sleep':
      await ctx.sleep(ms, { name });
      return '"slept"';
    case 'event': {
      const match = { run, key };
      const event = await ctx.waitFor(eventName, { match, name, timeoutMs: ms });
      return JSON.stringify(event === null ? null : event.id);
    }
    case 'approval': {
      const { decision } = await ctx.approval(name, { timeoutMs: ms });
      return JSON.stringify((await decision()).state);
    }
    case 'signal': {
      const signal = await ctx.waitForSignal(signalName, { name, timeoutMs: ms });
      if (signal !== null) await say(signal, ms, ctx, pen);
      return JSON.stringify(signal === null ? null : signal.id);
    }
    case 'children':
      return beget(ms, name, ctx);
    default:
      return step(deed, name, ctx, pen);
  }
}

/** Accepts, refuses, or says nothing. Another owner would say something else. */
async function say(signal: Signal, ms: number, ctx: RunContext, pen: Pen): Promise<void> {
  const { runId: run, fence } = ctx;
  if (ms % 4 === 0) return;
  const reason = `not under ${fence}`;
  const accepts = ms % 4 < 3;
  const said = accepts ? { state: 'accepted', value: { fence } } : { state: 'refused', reason };
  const about = { run, fence, signal: signal.id, answer: JSON.stringify(said) };
  pen({ what: 'says', ...about });
  await (accepts ? signal.accept({ fence }) : signal.refuse(reason));
  pen({ what: 'said', ...about });
}

/** So many children, and what all of them gave. They outlive a parent that is cancelled. */
async function beget(count: number, name: string, ctx: RunContext): Promise<string> {
  const base = { steps: 1, stepMs: 20, againSteps: 0, failures: 0, lane: null };
  const { tenant } = ctx;
  const inputs = Array.from({ length: count }, (_, n): WorkInput => ({ ...base, tenant, salt: n }));
  const all = await ctx.all(child, inputs, { name, close: 'abandon' });
  const values = (await all.values()) as readonly { readonly salt: number }[];
  return JSON.stringify(values.map(({ salt }) => salt));
}

/** How many children a run with this salt starts. */
export const childrenOf = (salt: number): number =>
  programOf(salt)
    .flat()
    .reduce((sum, { does, ms }) => sum + (does === 'children' ? ms : 0), 0);

async function step(
  { does, ms, key: own }: Deed,
  name: string,
  ctx: RunContext,
  pen: Pen,
): Promise<string> {
  const { runId: run, fence } = ctx;
  try {
    const value = await ctx.step(name, async ({ key, tries, signal }) => {
      pen({ what: 'deed', run, fence, key, tries, aborted: ctx.signal.aborted });
      await pause(ms, signal);
      signal.throwIfAborted();
      if (does === 'shaky' && tries < 3) throw new Error('once more');
      if (does === 'doomed') throw new NonRetryableError('no use');
      // Nobody else, and no other try, gives the same.
      return `${own} under ${fence}, try ${tries}, by ${process.pid}`;
    });
    return JSON.stringify(value);
  } catch (error) {
    if (does === 'doomed' && !ctx.signal.aborted) return '"doomed"';
    throw error;
  }
}

/**
 * Owns the durable programs of the simulated world: steps and waits, one after the other and side
 * by side, drawn from the input alone, so that anybody can say what such a run has to give.
 */
import { NonRetryableError } from '../../src/core/handler-error.ts';
import type { Signal } from '../../src/engine/durable/words.ts';
import type { SignalCheck } from '../../src/engine/hosted.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import { type ChildClose, childCloses } from '../../src/ports/store-family.ts';
import { type SeededRandom, seededRandom } from '../../src/testing/index.ts';
import { type SimInput, waitOrStop } from './behaviour.ts';
import type { Execution } from './ledger.ts';
import type { SimProcess } from './sim-process.ts';
import type { SimWorld } from './sim-world.ts';

const single = [
  ...(['step', 'step', 'step', 'shaky', 'doomed', 'sleep', 'event', 'approval'] as const),
  ...(['child', 'children', 'signal', 'signal'] as const),
] as const;

/** What a program does at one place. */
type Deed =
  | {
      readonly does: (typeof single)[number];
      readonly ms: number;
    }
  | { readonly does: 'both'; readonly deeds: readonly Deed[] };

const deedOf = (random: SeededRandom): Deed => ({
  does: random.pick(single),
  ms: random.pick([0, random.between(0, 60), random.between(100, 4_000)]),
});

const programOf = ({ dice }: SimInput): readonly Deed[] => {
  const random = seededRandom(dice + 9_000_000);
  return Array.from({ length: random.between(1, 6) }, () =>
    random.chance(0.25)
      ? { does: 'both', deeds: [deedOf(random), deedOf(random), deedOf(random)] }
      : deedOf(random),
  );
};

/** What each deed gives, however often its run was interrupted. */
const gives = (deed: Deed): unknown =>
  deed.does === 'both' ? deed.deeds.map(gives) : `${deed.does} done`;

/** What a run with this input has to give. */
export const expected = (input: SimInput): unknown => programOf(input).map(gives);

const closeOf = (ms: number): ChildClose => childCloses[ms % 3] ?? 'cancel';

/** Names of the events and ids that users tell. */
export const eventNames = ['tick', 'tock'] as const;

/** Names of the signals that users send. */
export const signalNames = ['go', 'halt'] as const;

/** Data of a signal that its definition does not take, and what its sender is told for that. */
export const unfit = '"unfit"';
const why = 'not that';
export const unfitAnswer = JSON.stringify({
  ...{ state: 'refused', reason: `it does not fit its schema: ${why}` },
});

/** What the definition says of signals of the second name. */
export const checkHalt: SignalCheck = (data) =>
  data === JSON.parse(unfit) ? { ok: false, issues: [why] } : { ok: true, value: data };

interface Stage {
  readonly world: SimWorld;
  readonly process: SimProcess;
  readonly execution: Execution;
}

/** Carries one attempt out. */
export async function perform(input: SimInput, ctx: RunContext, stage: Stage): Promise<unknown> {
  const { ledger, steps } = stage.world;
  steps.begins(stage.execution);
  // From then on nothing is given to it any more, or its run ends.
  ctx.signal.addEventListener('abort', () => ledger.end(stage.execution), { once: true });
  const chance = seededRandom(input.dice * 1_000 + ctx.attempt);
  const given: unknown[] = [];
  for (const deed of programOf(input)) {
    // Whatever a run does at first, it mends in the end.
    if (ctx.attempt < 3 && chance.chance(0.1)) throw new Error('a plain failure between two steps');
    given.push(await act(deed, ctx, stage));
  }
  if (ctx.signal.aborted) throw ctx.signal.reason;
  ledger.effect(stage.execution);
  return { fence: ctx.fence, attempt: ctx.attempt, given };
}

async function act(deed: Deed, ctx: RunContext, stage: Stage): Promise<unknown> {
  if (deed.does === 'both') return Promise.all(deed.deeds.map((one) => act(one, ctx, stage)));
  const heard = await actOnce(deed, ctx, stage);
  if (!ctx.signal.aborted) stage.world.steps.given(stage.execution, `${deed.does} ${heard}`);
  return `${deed.does} done`;
}

/** What may differ from run to run, and not from attempt to attempt. */
async function actOnce(
  { does, ms }: Exclude<Deed, { does: 'both' }>,
  ctx: RunContext,
  { world, process, execution }: Stage,
): Promise<string> {
  switch (does) {
    case 'step':
    case 'shaky':
    case 'doomed':
      return ctx
        .step(does, async ({ key, tries, signal }) => {
          world.steps.does(execution, key);
          await waitOrStop(process.main, ms, signal);
          if (does === 'shaky' && tries < 3) throw new Error('once more');
          if (does === 'doomed') throw new NonRetryableError('no use');
          return `${key} under ${ctx.fence}`;
        })
        .catch((error: unknown) => {
          if (does === 'doomed' && !ctx.signal.aborted) return 'doomed';
          throw error;
        });
    case 'sleep':
      await ctx.sleep(ms);
      return 'slept';
    case 'event': {
      const event = await ctx.waitFor(ms % 2 === 0 ? 'tick' : 'tock', { timeoutMs: ms });
      return event === null ? 'nothing' : event.id;
    }
    case 'child': {
      const child = await ctx.start('work', { dice: ms }, { close: closeOf(ms) });
      return `${child.id} ${(await child.outcome()).kind}`;
    }
    case 'children': {
      const inputs = Array.from({ length: ms % 4 }, (_, n) => ({ dice: ms + n }));
      const all = await ctx.all('work', inputs, { close: closeOf(ms) });
      world.marks.add('children over');
      return `${all.succeeded} of ${all.count}`;
    }
    case 'signal': {
      const names = ms % 3 === 0 ? (['go'] as const) : signalNames;
      const signal = await ctx.waitForSignal(names, { timeoutMs: ms });
      if (signal === null) return 'nobody';
      await say(signal, ms, { world, execution });
      return signal.id;
    }
    case 'approval': {
      const { token, decision } = await ctx.approval('ask', { timeoutMs: ms });
      world.steps.asked(token);
      return (await decision()).state;
    }
  }
}

/** Accepts, refuses, or says nothing; later attempts would say something else. */
async function say(
  signal: Signal<unknown>,
  ms: number,
  { world, execution: { runId, attempt } }: Pick<Stage, 'world' | 'execution'>,
): Promise<void> {
  if (ms % 4 === 0) return;
  const accepts = ms % 4 < 3;
  const reason = `not in attempt ${attempt}`;
  const said = accepts ? { state: 'accepted', value: { attempt } } : { state: 'refused', reason };
  const kept = world.signals.answering(runId, signal.id, JSON.stringify(said));
  await (accepts ? signal.accept({ attempt }) : signal.refuse(reason));
  kept();
}

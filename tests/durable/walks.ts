/**
 * Owns the programs that are crashed at every point: what their code does, and what comes to them
 * from outside. Between them they use every kind of step and wait.
 *
 * P1 What a step gives differs with every execution of its code, so that one which was done again
 *    shows in the result.
 */
import type { Holdfast, RunContext } from 'holdfast';
import { HoldfastError, NonRetryableError } from 'holdfast';

/** How the code of a program acts and says what it was given. */
export interface Hands {
  readonly ctx: RunContext;
  /** A step. `ms`: how long it takes; `fails`: it throws, for good. */
  step(name: string, options?: { readonly ms?: number; readonly fails?: boolean }): Promise<string>;
  see(what: unknown): void;
}

/** When somebody outside may act: the run is accepted, parked, or without an owner. */
export type Moment = 'accepted' | 'parked' | 'orphaned';

/** One program. */
export interface Walk {
  readonly title: string;
  code(hands: Hands): Promise<unknown>;
  /** What happens outside; more than once, and never harmful. */
  outside?(moment: Moment, hf: Holdfast, id: string): Promise<void>;
  /** It is walked as a fork of itself from this step. */
  readonly forkFrom?: string;
  /** Waits that are open at its end. */
  readonly leaves?: readonly string[];
}

/** Longer than what is waited for with a slot. */
const parkedMs = 60;

const emit = async (hf: Holdfast, id: string): Promise<void> => {
  await hf.emit('go', { run: id, of: 7 }, { id: `go-${id}` });
};

/** The function whose runs are children. */
export const kidName = 'walk-kid';

/** Sends a signal; the same one however often it is sent. */
async function tell(hf: Holdfast, id: string, n: number): Promise<void> {
  await hf.runs.signal(id, 'tell', n, { id: `told-${n}` });
}

/** Two moments may act at once: the second finds it done. */
const unless = (code: string) => (error: unknown) => {
  if (!(error instanceof HoldfastError) || error.code !== code) throw error;
};

const cancelled = async (hf: Holdfast, id: string): Promise<void> => {
  await hf.runs.cancel(id).catch(unless('run.already_done'));
};

/** Decides what can be decided. */
async function approve(hf: Holdfast, id: string): Promise<void> {
  const { steps } = await hf.runs.steps(id);
  for (const { token, state } of steps) {
    if (token === null || state !== 'waiting') continue;
    await hf.approvals.approve(token, { by: 'ada' }).catch(unless('approval.already_done'));
  }
}

const heardGo = async ({ ctx, see, step }: Hands, timeoutMs?: number): Promise<unknown> => {
  see(await step('before'));
  const match = { run: ctx.runId, of: 7 };
  const event = await ctx.waitFor('go', {
    match,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  see(event?.id ?? 'nobody');
  see(await step('after'));
  return event?.data ?? null;
};

const decided = async ({ ctx, see, step }: Hands, timeoutMs?: number): Promise<unknown> => {
  const options = timeoutMs === undefined ? {} : { timeoutMs };
  const { token, decision } = await ctx.approval('refund', options);
  see(token);
  see(await step('ask'));
  const { state, by } = await decision();
  see(state);
  see(await step('pay'));
  return [state, by];
};

/** Fails, and is caught. */
const caught = (step: Promise<string>): Promise<string> =>
  step.catch((error: unknown) => `caught ${error instanceof Error ? error.message : error}`);

/** All of them. */
export const walks: readonly Walk[] = [
  {
    title: 'steps, one after the other',
    async code({ ctx, see, step }) {
      see(await step('first'));
      see(await caught(step('doomed', { fails: true })));
      see([await ctx.now(), await ctx.random(), await ctx.uuid()]);
      see(await step('last', { ms: 3 }));
      return ctx.uuid();
    },
  },
  {
    title: 'steps side by side',
    async code({ see, step }) {
      const watched = async (promise: Promise<string>): Promise<string> => {
        const value = await promise;
        see(value);
        return value;
      };
      const both = await Promise.all([
        watched(step('slow', { ms: 12 })),
        watched(step('quick')),
        watched(caught(step('doomed', { fails: true, ms: 4 }))),
      ]);
      const race = [watched(step('hare', { ms: 2 })), watched(step('tortoise', { ms: 9 }))];
      const won = await Promise.race(race);
      see(won);
      await Promise.all(race);
      return [both, won];
    },
  },
  {
    title: 'sleeps with a slot and without',
    async code({ ctx, see, step }) {
      see(await step('before'));
      await ctx.sleep(5);
      see('held');
      await ctx.sleep(parkedMs);
      see('parked');
      const at = (await ctx.now()) + parkedMs;
      await ctx.sleepUntil(at);
      see(await step('after'));
      return at;
    },
  },
  {
    title: 'a step beside a wait',
    async code({ ctx, see, step }) {
      const nap = ctx.sleep(parkedMs, { name: 'nap' }).then(() => see('napped'));
      see(await step('beside', { ms: 5 }));
      await nap;
      see(await step('after'));
      return 'done';
    },
  },
  {
    title: 'an event that came before the wait',
    code: (hands) => heardGo(hands),
    outside: (moment, hf, id) => (moment === 'accepted' ? emit(hf, id) : Promise.resolve()),
  },
  {
    title: 'an event that comes to a parked run',
    code: (hands) => heardGo(hands),
    outside: (moment, hf, id) => (moment === 'parked' ? emit(hf, id) : Promise.resolve()),
  },
  {
    title: 'an event that comes while nobody owns the run',
    code: (hands) => heardGo(hands),
    outside: (moment, hf, id) => (moment === 'accepted' ? Promise.resolve() : emit(hf, id)),
  },
  {
    title: 'an event that never comes',
    code: (hands) => heardGo(hands, parkedMs),
  },
  {
    title: 'an approval',
    code: (hands) => decided(hands),
    outside: (moment, hf, id) => (moment === 'parked' ? approve(hf, id) : Promise.resolve()),
  },
  {
    title: 'an approval that is given while nobody owns the run',
    code: (hands) => decided(hands),
    outside: (moment, hf, id) => (moment === 'accepted' ? Promise.resolve() : approve(hf, id)),
  },
  {
    title: 'two approvals at once and a step beside them',
    async code({ ctx, see, step }) {
      const ask = async (name: string): Promise<string> => {
        const { decision } = await ctx.approval(name);
        const { state } = await decision();
        see([name, state]);
        return state;
      };
      const given = await Promise.all([ask('one'), ask('two'), step('beside', { ms: 4 })]);
      see(await step('after'));
      return given.length;
    },
    // The first may be decided before the second is kept.
    outside: (moment, hf, id) => (moment === 'accepted' ? Promise.resolve() : approve(hf, id)),
  },
  {
    title: 'an approval that nobody gives',
    code: (hands) => decided(hands, parkedMs),
  },
  {
    title: 'signals that are accepted and refused',
    async code({ ctx, see, step }) {
      for (const n of [1, 2]) {
        const signal = await ctx.waitForSignal('tell');
        see([signal?.id, signal?.data]);
        await (n === 1 ? signal?.accept({ n }) : signal?.refuse('not twice'));
        see(await step('after'));
      }
      return 'told';
    },
    outside: (moment, hf, id) => tell(hf, id, moment === 'accepted' ? 1 : 2),
  },
  {
    title: 'a signal that never comes, and one that is not answered',
    async code({ ctx, see, step }) {
      see(await ctx.waitForSignal('other', { timeoutMs: parkedMs }));
      see((await ctx.waitForSignal('tell'))?.id);
      return step('after');
    },
    outside: (_moment, hf, id) => tell(hf, id, 1),
  },
  {
    title: 'children, alone and in a group',
    async code({ ctx, see, step }) {
      see(await step('before'));
      const one = await ctx.start(kidName, 1);
      const all = await ctx.all(kidName, [2, 3], { name: 'kids' });
      see(await all.values());
      see(await one.result());
      return step('after');
    },
  },
  {
    title: 'a cancel while it is parked, and its clean-up',
    async code({ ctx, see, step }) {
      see(await step('before'));
      try {
        await ctx.waitFor('never');
      } catch {
        see('stopped');
        see(await step('undo'));
        see(await step('tell'));
      }
      return 'undone';
    },
    outside: (moment, hf, id) => (moment === 'parked' ? cancelled(hf, id) : Promise.resolve()),
    leaves: ['event/never'],
  },
  {
    title: 'a fork from the middle',
    forkFrom: 'step/again',
    async code({ ctx, see, step }) {
      see(await step('kept'));
      await ctx.sleep(parkedMs);
      see(await ctx.uuid());
      see(await step('again'));
      await ctx.sleep(parkedMs, { name: 'second' });
      see(await step('last'));
      return 'forked';
    },
  },
];

/** The error of steps that fail for good. */
export const doom = (key: string): Error => new NonRetryableError(`${key} cannot be done`);

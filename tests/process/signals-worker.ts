/**
 * A node in a process of its own that executes runs which are told something, three times, and
 * answer. It appends a line to a file for each signal that its code is given, and says over IPC
 * where it is.
 */
import { appendFileSync } from 'node:fs';
import { defineFunction, Holdfast, type RunContext } from 'holdfast';

/** On its command line as JSON. */
export interface SignalsOrder {
  readonly store: string;
  readonly witness: string;
}

/** Where the process is. `n`: at which signal of the run, from 1. */
export type SignalsWord =
  | { readonly said: 'ready' }
  | {
      readonly said: 'waits' | 'given' | 'answered' | 'kept';
      readonly run: string;
      readonly n: number;
    };

export const signalsEach = 3;

/** What is said about a signal: another attempt would say something else. */
export interface Said {
  readonly n: number;
  readonly attempt: number;
}

/** Without a witness it can be started and not executed. */
export const listener = (witness: string | null, say: (word: SignalsWord) => void) =>
  defineFunction({
    name: 'listener',
    retry: false,
    crashesMax: 1_000,
    signals: { tell: null },
    run: async (_input: null, ctx: RunContext) => {
      const { runId: run, attempt } = ctx;
      const given: string[] = [];
      for (let n = 1; n <= signalsEach; n += 1) {
        say({ said: 'waits', run, n });
        const signal = await ctx.waitForSignal<number>('tell');
        if (signal === null) throw new Error('a wait without a time is over');
        if (witness !== null) appendFileSync(witness, `${run} ${signal.id} ${attempt}\n`);
        say({ said: 'given', run, n });
        const said: Said = { n, attempt };
        await signal.accept(said);
        say({ said: 'answered', run, n });
        given.push(await ctx.step('keep', () => signal.id));
        say({ said: 'kept', run, n });
      }
      return given;
    },
  });

if (process.argv[2] !== undefined && process.send !== undefined) {
  const { store, witness } = JSON.parse(process.argv[2]) as SignalsOrder;
  const say = (word: SignalsWord): void => {
    if (process.connected) process.send?.(word, () => {});
  };
  await Holdfast.open({ store, functions: [listener(witness, say)], durability: 'relaxed' });
  process.on('disconnect', () => process.exit(1));
  say({ said: 'ready' });
}

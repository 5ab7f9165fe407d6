/**
 * A node in a process of its own that executes the parents of families, their children, or both.
 * Each execution of a child appends a line to a file, and the process says over IPC where it is.
 */
import { appendFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { defineFunction, Holdfast, type RunContext } from 'holdfast';

/** On its command line as JSON. */
export interface FamilyOrder {
  readonly store: string;
  readonly witness: string;
  readonly hosts: 'parents' | 'children';
}

/** Where the process is. */
export type FamilyWord =
  | { readonly said: 'ready' }
  | { readonly said: 'begins' | 'all-over'; readonly run: string }
  | { readonly said: 'child'; readonly n: number };

type Say = (word: FamilyWord) => void;

/** Crashes are what these tests make: none is set aside. */
const terms = { retry: false, crashesMax: 1_000 } as const;

/** Without a witness it can be started and not executed. */
export const shareOf = (witness: string | null, say: Say) =>
  defineFunction({
    name: 'share',
    ...terms,
    run: async (n: number, ctx: RunContext) => {
      if (witness !== null) appendFileSync(witness, `${ctx.runId} ${n} ${ctx.attempt}\n`);
      say({ said: 'child', n });
      if (n % 3 === 0) await turn();
      return n * 2;
    },
  });

/** Starts so many children, waits for all of them, and gives what they gave. */
export const familyOf = (say: Say) =>
  defineFunction({
    name: 'family',
    ...terms,
    run: async (count: number, ctx: RunContext) => {
      say({ said: 'begins', run: ctx.runId });
      const inputs = Array.from({ length: count }, (_, n) => n);
      const all = await ctx.all(shareOf(null, say), inputs);
      say({ said: 'all-over', run: ctx.runId });
      return all.values();
    },
  });

if (process.argv[2] !== undefined && process.send !== undefined) {
  const { store, witness, hosts } = JSON.parse(process.argv[2]) as FamilyOrder;
  const say: Say = (word) => {
    if (process.connected) process.send?.(word, () => {});
  };
  const functions = hosts === 'parents' ? [familyOf(say)] : [shareOf(witness, say)];
  await Holdfast.open({ store, functions, slots: 8, durability: 'relaxed' });
  process.on('disconnect', () => process.exit(1));
  say({ said: 'ready' });
}

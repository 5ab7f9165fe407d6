/**
 * A node in a process of its own that executes runs which emit. It writes down, in a file, how far
 * it knows its parts to be kept, and says over IPC when a run has begun.
 */
import { openSync, writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { defineFunction, Holdfast, type RunContext } from 'holdfast';

/** On its command line as JSON. */
export interface PartsOrder {
  readonly store: string;
  /** A line `<attempt> <count>` for every answer of `drained`. */
  readonly witness: string;
}

/** Where the process is. */
export interface PartsWord {
  readonly said: 'ready' | 'emits';
  readonly count?: number;
}

/** Parts of one attempt. */
export const partCount = 400;

export const partOf = (attempt: number, n: number): string => `${attempt}:${n};`;

/** Without a witness it can be started and not executed. */
export const talker = (witness: ((line: string) => void) | null, say: (word: PartsWord) => void) =>
  defineFunction({
    name: 'talker',
    crashesMax: 1_000,
    run: async (_: null, ctx: RunContext) => {
      for (let n = 0; n < partCount; n += 1) {
        ctx.emit(partOf(ctx.attempt, n));
        if (n % 7 === 6) {
          await ctx.emit.drained();
          witness?.(`${ctx.attempt} ${n + 1}\n`);
          say({ said: 'emits', count: n + 1 });
        } else if (n % 3 === 0) await turn();
      }
    },
  });

if (process.argv[2] !== undefined && process.send !== undefined) {
  const { store, witness } = JSON.parse(process.argv[2]) as PartsOrder;
  const file = openSync(witness, 'a');
  const say = (word: PartsWord): void => {
    if (process.connected) process.send?.(word, () => {});
  };
  const fn = talker((line) => writeSync(file, line), say);
  await Holdfast.open({ store, functions: [fn] });
  process.on('disconnect', () => process.exit(1));
  say({ said: 'ready' });
}

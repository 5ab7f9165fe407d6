/**
 * A node in a process of its own that executes runs of ten steps. Each step appends a line to a
 * file when its code is executed, and the process says over IPC where it is.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { defineFunction, Holdfast, type RunContext } from 'holdfast';

/** On its command line as JSON. */
export interface StepsOrder {
  readonly store: string;
  readonly witness: string;
}

/** Where the process is. */
export type StepsWord =
  | { readonly said: 'ready' }
  | { readonly said: 'begins' | 'goes-on'; readonly run: string; readonly step: number };

export const stepCount = 10;

/** Without a witness it can be started and not executed. */
export const tenSteps = (
  witness: ((line: string) => void) | null,
  say: (word: StepsWord) => void,
) =>
  defineFunction({
    name: 'ten-steps',
    run: async (base: number, ctx: RunContext) => {
      const given: number[] = [];
      for (let step = 1; step <= stepCount; step += 1) {
        const value = await ctx.step('add', async ({ key }) => {
          witness?.(`${ctx.runId} ${key} ${ctx.attempt}\n`);
          say({ said: 'begins', run: ctx.runId, step });
          if (step % 3 === 0) await turn();
          return base + step;
        });
        given.push(value);
        say({ said: 'goes-on', run: ctx.runId, step });
        if (step === 5) await ctx.sleep(60);
      }
      return given;
    },
  });

if (process.argv[2] !== undefined && process.send !== undefined) {
  const { store, witness } = JSON.parse(process.argv[2]) as StepsOrder;
  const file = openSync(witness, 'a');
  const say = (word: StepsWord): void => {
    if (process.connected) process.send?.(word, () => {});
  };
  const fn = tenSteps((line) => writeSync(file, line), say);
  const hf = await Holdfast.open({ store, functions: [fn] });
  process.on('disconnect', () => process.exit(1));
  process.on('SIGTERM', () => {
    void hf.close().then(() => {
      closeSync(file);
      process.disconnect();
    });
  });
  say({ said: 'ready' });
}

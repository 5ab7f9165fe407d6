/**
 * Our side of the memory: the process that starts all runs, and (`worker`) a node that works on
 * them. Checked: each start is accepted, and what the node left undone still waits.
 */
import { join } from 'node:path';
import { defineFunction, Holdfast } from 'holdfast';
import { type Case, verify } from '../case.ts';
import { chunks, insertBatchRuns } from './numbers.ts';
import { type Numbered, type OursParams, startNumbers } from './ours.ts';
import { peakMb } from './resident.ts';
import { pause } from './waits.ts';

type Params = OursParams & { readonly worker?: boolean; readonly path?: string };

export async function openCase({ dir, durability, worker, path }: Params): Promise<Case> {
  const store = { path: path ?? join(dir, `memory-${durability}.db`) };
  const noop = defineFunction({ name: 'noop', run: ({ n }: Numbered) => n });
  const hf = await Holdfast.open(
    worker === true
      ? { store, durability, functions: [noop] }
      : { store, durability, execute: false },
  );
  let accepted = 0;
  return {
    async ask(ask) {
      if (ask.do === 'place') return { path: store.path };
      if (ask.do === 'build') {
        for (const part of chunks(Number(ask.runs), insertBatchRuns)) {
          await startNumbers(hf, noop, part);
          accepted += part.length;
        }
        return { peakMb: peakMb() };
      }
      if (ask.do === 'work') {
        await pause(Number(ask.ms));
        return { peakMb: peakMb(), done: hf.stats().succeeded };
      }
      const counts = await hf.runs.counts();
      const found = counts.queued + counts.running + counts.succeeded;
      verify(found === accepted, `${accepted} runs are there, found ${found}`);
      verify(counts.succeeded > 0, 'the node worked on them');
      return {};
    },
    close: () => hf.close(),
  };
}

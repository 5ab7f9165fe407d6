/**
 * Our side of single starts. Checked: as many runs wait in the store as were accepted.
 */
import { join } from 'node:path';
import { defineFunction, Holdfast } from 'holdfast';
import { type Case, verify } from '../case.ts';
import { callAtOnce } from './callers.ts';
import type { Numbered, OursParams } from './ours.ts';

export async function openCase({ dir, durability }: OursParams): Promise<Case> {
  let stores = 0;
  const noop = defineFunction({ name: 'noop', run: ({ n }: Numbered) => n });
  return {
    async ask({ callers, count }) {
      const store = { path: join(dir, `starts-${durability}-${stores++}.db`) };
      const hf = await Holdfast.open({ store, durability, execute: false });
      const answer = await callAtOnce(Number(callers), Number(count), (n) => hf.start(noop, { n }));
      const { queued } = await hf.runs.counts();
      verify(queued === count, `${count} runs wait, found ${queued}`);
      await hf.close();
      return answer;
    },
    async close() {},
  };
}

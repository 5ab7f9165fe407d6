/** Our side of calls. Checked: every call was let in and succeeded, and nothing is left. */
import { defineFunction, Holdfast } from 'holdfast';
import { type Case, verify } from '../case.ts';
import { callingCase } from './calling.ts';

export async function openCase(): Promise<Case> {
  const noop = defineFunction({ name: 'noop', run: async (n: number) => n });
  const inLane = defineFunction({
    name: 'in-lane',
    lane: ({ lane }: { n: number; lane: string }) => lane,
    run: async ({ n }) => n,
  });
  const hf = await Holdfast.open({ store: 'memory:', functions: [noop, inLane] });
  return callingCase(
    (n, lane) => (lane === null ? hf.call(noop, n) : hf.call(inLane, { n, lane })),
    async () => {
      const { admitted, succeeded, lanes, queued } = hf.calls.stats();
      verify(admitted === succeeded, `${admitted} calls succeeded, found ${succeeded}`);
      verify(lanes === 0 && queued === 0, `nothing is left, found ${lanes} and ${queued}`);
      await hf.close();
    },
  );
}

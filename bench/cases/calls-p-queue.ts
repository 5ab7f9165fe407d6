/** p-queue: a queue with concurrency 1 for each lane, and one without lanes. */
import PQueue from 'p-queue';
import type { Case } from '../case.ts';
import { callingCase } from './calling.ts';

export async function openCase(): Promise<Case> {
  const noop = async (n: number): Promise<number> => n;
  const open = new PQueue({ concurrency: 1_000 });
  const lanes = new Map<string, PQueue>();
  return callingCase((n, lane) => {
    if (lane === null) return open.add(() => noop(n));
    const known = lanes.get(lane) ?? new PQueue({ concurrency: 1 });
    lanes.set(lane, known);
    return known.add(() => noop(n));
  });
}

/** fastq: a queue with concurrency 1 for each lane, and one without lanes. */
import fastq, { type queueAsPromised } from 'fastq';
import type { Case } from '../case.ts';
import { callingCase } from './calling.ts';

export async function openCase(): Promise<Case> {
  const noop = async (n: number): Promise<number> => n;
  const open = fastq.promise(noop, 1_000);
  const lanes = new Map<string, queueAsPromised<number, number>>();
  return callingCase((n, lane) => {
    if (lane === null) return open.push(n);
    const known = lanes.get(lane) ?? fastq.promise(noop, 1);
    lanes.set(lane, known);
    return known.push(n);
  });
}

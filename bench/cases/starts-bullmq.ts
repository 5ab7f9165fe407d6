/**
 * The peer's side of single starts.
 */
import { type Case, verify } from '../case.ts';
import { openQueue, type PeerParams } from './bullmq.ts';
import { callAtOnce } from './callers.ts';

export async function openCase(params: PeerParams): Promise<Case> {
  return {
    async ask({ callers, count }) {
      const { queue, drop } = await openQueue(params);
      const add = (n: number) => queue.add('noop', { n });
      const answer = await callAtOnce(Number(callers), Number(count), add);
      verify((await queue.getWaitingCount()) === count, `${count} jobs wait`);
      await drop();
      return answer;
    },
    async close() {},
  };
}

/**
 * The peer's side of the memory.
 */
import { Worker } from 'bullmq';
import { type Case, verify } from '../case.ts';
import { addJobs, openQueue, type PeerParams, serverInfo } from './bullmq.ts';
import { chunks, insertBatchRuns } from './numbers.ts';
import { peakMb } from './resident.ts';
import { pause } from './waits.ts';

type Params = PeerParams & { readonly worker?: boolean; readonly queueName?: string };

/** The same as our default number of slots. */
const CONCURRENCY = 16;

export async function openCase(params: Params): Promise<Case> {
  return params.worker === true ? openWorker(params) : openStarter(params);
}

async function openWorker({ redis, queueName = '' }: Params): Promise<Case> {
  const connection = { ...redis, maxRetriesPerRequest: null };
  const options = { connection, concurrency: CONCURRENCY };
  const worker = new Worker(queueName, async ({ data: { n } }) => n, options);
  return {
    async ask({ ms }) {
      await pause(Number(ms));
      return { peakMb: peakMb() };
    },
    close: () => worker.close(),
  };
}

async function openStarter(params: Params): Promise<Case> {
  const { queue, drop } = await openQueue(params);
  let added = 0;
  return {
    async ask(ask) {
      if (ask.do === 'place') return { queueName: queue.name };
      if (ask.do === 'build') {
        added = Number(ask.runs);
        await addJobs(queue, chunks(added, insertBatchRuns));
        return { peakMb: peakMb() };
      }
      const { waiting = 0, active = 0, completed = 0 } = await queue.getJobCounts();
      verify(waiting + active + completed === added, `${added} jobs are there`);
      verify(completed > 0, 'the worker worked on them');
      const info = await serverInfo(params, 'memory');
      return { serverMb: Number(info.get('used_memory_rss')) / 1e6 };
    },
    close: drop,
  };
}

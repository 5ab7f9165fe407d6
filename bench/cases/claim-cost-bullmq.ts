/**
 * The peer's side of the claim cost.
 */
import { type Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { type Case, verify } from '../case.ts';
import { addJobs, openQueue, type PeerParams, serverInfo } from './bullmq.ts';
import { chunks, insertBatchRuns } from './numbers.ts';
import { pause } from './waits.ts';

type Params = PeerParams & { readonly queueName?: string };

const BUILD_CONCURRENCY = 100;
const APPEND_FSYNC = { full: 'always', relaxed: 'everysec' } as const;

export async function openCase(params: Params): Promise<Case> {
  const grown = await openQueue(params, params.queueName);
  return {
    async ask(ask) {
      if (ask.do === 'build') {
        const rows = Number(ask.rows);
        await addJobs(grown.queue, chunks(rows, insertBatchRuns));
        await work(grown.queue, params, rows, BUILD_CONCURRENCY);
        await addJobs(grown.queue, chunks(rows, insertBatchRuns));
        return { queueName: grown.queue.name };
      }
      if (ask.do === 'tally') return { inserted: 0, ended: 0 };
      if (ask.do === 'check') {
        verify((await grown.queue.getActiveCount()) === 0, 'no job is left active');
        return {};
      }
      await prepare(params);
      const runs = Number(ask.runs);
      const batch = Number(ask.batch);
      const empty = await openQueue(params);
      await addJobs(empty.queue, chunks(runs, insertBatchRuns));
      const emptyUs = await work(empty.queue, params, runs, batch);
      await empty.drop();
      await addJobs(grown.queue, chunks(runs, insertBatchRuns));
      return { emptyUs, grownUs: await work(grown.queue, params, runs, batch) };
    },
    close: () => grown.queue.close(),
  };
}

/** Switches the class, and lets a rewrite of the append-only file come to its end. */
async function prepare(params: Params): Promise<void> {
  const client = new Redis(params.redis);
  await client.config('SET', 'appendfsync', APPEND_FSYNC[params.durability]);
  client.disconnect();
  while ((await serverInfo(params, 'persistence')).get('aof_rewrite_in_progress') !== '0') {
    await pause(100);
  }
}

/** Works off `count` jobs; gives the microseconds of a job. */
async function work(
  queue: Queue,
  { redis }: Params,
  count: number,
  concurrency: number,
): Promise<number> {
  const connection = { ...redis, maxRetriesPerRequest: null };
  const options = { connection, concurrency, autorun: false };
  const worker = new Worker(queue.name, async ({ data: { n } }) => ({ n }), options);
  await worker.waitUntilReady();
  const startedAt = performance.now();
  await new Promise<void>((resolve, reject) => {
    let completed = 0;
    worker.on('completed', () => {
      completed += 1;
      if (completed === count) resolve();
    });
    worker.on('error', reject);
    worker.run().catch(reject);
  });
  const us = ((performance.now() - startedAt) * 1e3) / count;
  // Ends what it has begun beyond the count.
  await worker.close();
  return us;
}

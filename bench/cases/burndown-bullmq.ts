/**
 * The peer's side of the burn-down: a queue that stays for each concurrency. The `completed`
 * event of a worker comes after the answer of the server, so after the commit of the result.
 */
import { Worker } from 'bullmq';
import { type Case, verify } from '../case.ts';
import { addJobs, openQueue, type PeerParams, type PeerQueue } from './bullmq.ts';
import { chunks, insertBatchRuns } from './numbers.ts';

const RESULTS_CHECKED = 100;

export async function openCase(params: PeerParams): Promise<Case> {
  const sites = new Map<number, PeerQueue>();
  return {
    async ask({ runs, concurrency }) {
      const site = sites.get(Number(concurrency)) ?? (await openQueue(params));
      sites.set(Number(concurrency), site);
      return burn(site, Number(runs), Number(concurrency));
    },
    async close() {
      for (const { drop } of sites.values()) await drop();
    },
  };
}

async function burn({ queue, connection }: PeerQueue, runs: number, concurrency: number) {
  const before = await queue.getCompletedCount();
  const insertedAt = performance.now();
  await addJobs(queue, chunks(runs, insertBatchRuns));
  const insertSeconds = (performance.now() - insertedAt) / 1_000;

  const calls = new Map<number, number>();
  const work = async ({ data: { n } }: { data: { n: number } }) => {
    calls.set(n, (calls.get(n) ?? 0) + 1);
    return { n };
  };
  const worker = new Worker(queue.name, work, { connection, autorun: false, concurrency });
  await worker.waitUntilReady();
  const startedAt = performance.now();
  await new Promise<void>((resolve, reject) => {
    let completed = 0;
    worker.on('completed', () => {
      completed += 1;
      if (completed === runs) resolve();
    });
    worker.on('error', reject);
    worker.run().catch(reject);
  });
  const seconds = (performance.now() - startedAt) / 1_000;

  verify(calls.size === runs, `${runs} handlers ran, found ${calls.size}`);
  verify(
    [...calls.values()].every((times) => times === 1),
    'no handler ran twice',
  );
  const found = (await queue.getCompletedCount()) - before;
  verify(found === runs, `${runs} completed jobs are kept, found ${found}`);
  for (const job of await queue.getCompleted(0, RESULTS_CHECKED - 1)) {
    verify(job.returnvalue?.n === job.data.n, 'results are kept');
  }
  await worker.close();
  return { seconds, insertSeconds };
}

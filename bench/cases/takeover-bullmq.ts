/**
 * The peer's side of the takeover.
 */
import { type Job, QueueEvents, Worker } from 'bullmq';
import type { Case, OpenCase } from '../case.ts';
import { openQueue, type PeerParams } from './bullmq.ts';
import { numbersFrom } from './numbers.ts';
import { hostMs } from './waits.ts';

type Params = PeerParams & {
  readonly worker?: boolean;
  readonly queueName?: string;
  readonly lockDuration: number;
  readonly stalledInterval: number;
};

/** The same as our default number of slots. */
const CONCURRENCY = 16;

export const openCase: OpenCase<Params> = (params, tell) =>
  params.worker === true ? openWorker(params, tell) : openStarter(params);

const openWorker: OpenCase<Params> = async (params, tell) => {
  const { redis, queueName = '', lockDuration, stalledInterval } = params;
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const worker = new Worker(
    queueName,
    ({ data: { n } }: { data: { n: number } }) => {
      tell({ n, atMs: hostMs() });
      return released;
    },
    {
      connection: { ...redis, maxRetriesPerRequest: null },
      ...{ concurrency: CONCURRENCY, lockDuration, stalledInterval },
    },
  );
  await worker.waitUntilReady();
  return {
    async ask() {
      release();
      return {};
    },
    close: () => worker.close(),
  };
};

async function openStarter(params: Params): Promise<Case> {
  const { queue, connection, drop } = await openQueue(params);
  const events = new QueueEvents(queue.name, { connection });
  await events.waitUntilReady();
  let jobs: readonly Job[] = [];
  return {
    async ask(ask) {
      if (ask.do === 'place') return { queueName: queue.name };
      if (ask.do === 'start') {
        const numbers = numbersFrom(0, Number(ask.count));
        jobs = await Promise.all(numbers.map((n) => queue.add('hold', { n })));
        return {};
      }
      await Promise.all(jobs.map((job) => job.waitUntilFinished(events)));
      const states = await Promise.all(jobs.map((job) => job.getState()));
      return { succeeded: states.filter((state) => state === 'completed').length };
    },
    async close() {
      await events.close();
      await drop();
    },
  };
}

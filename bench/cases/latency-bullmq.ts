/**
 * The peer's side of the idle latency: a worker that waits, or (`starterOnly`) a process that
 * only adds.
 */
import { Queue, QueueEvents, Worker } from 'bullmq';
import { type Case, verify } from '../case.ts';
import { openQueue, type PeerParams } from './bullmq.ts';
import { hostMs, pause } from './waits.ts';

type Params = PeerParams & { readonly starterOnly?: boolean; readonly queueName?: string };

const PAUSE_MS = 5;

export async function openCase(params: Params): Promise<Case> {
  return params.starterOnly === true ? openStarter(params) : openNode(params);
}

async function openNode(params: Params): Promise<Case> {
  const { queue, connection, drop } = await openQueue(params);
  let arrivals: number[] = [];
  const worker = new Worker(
    queue.name,
    async ({ data }: { data: { startedAtMs: number } }) => {
      arrivals.push(hostMs() - data.startedAtMs);
    },
    { connection },
  );
  await worker.waitUntilReady();
  const events = new QueueEvents(queue.name, { connection });
  await events.waitUntilReady();
  return {
    async ask(ask) {
      if (ask.do === 'place') return { queueName: queue.name };
      if (ask.do === 'collect') {
        const ms = arrivals;
        arrivals = [];
        verify(ms.length === ask.count, `${ask.count} jobs arrived, found ${ms.length}`);
        return { ms };
      }
      await addOneByOne(queue, events, Number(ask.count));
      return {};
    },
    async close() {
      await events.close();
      await worker.close();
      await drop();
    },
  };
}

async function openStarter({ redis, queueName = '' }: Params): Promise<Case> {
  const connection = { ...redis, maxRetriesPerRequest: null };
  const queue = new Queue(queueName, { connection });
  const events = new QueueEvents(queueName, { connection });
  await events.waitUntilReady();
  return {
    async ask({ count }) {
      await addOneByOne(queue, events, Number(count));
      return {};
    },
    async close() {
      await events.close();
      await queue.close();
    },
  };
}

async function addOneByOne(queue: Queue, events: QueueEvents, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const job = await queue.add('stamp', { startedAtMs: hostMs() });
    await job.waitUntilFinished(events);
    await pause(PAUSE_MS);
  }
}

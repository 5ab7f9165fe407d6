/**
 * BullMQ as a contestant, on Redis and on Postgres: one worker with `concurrency`, results kept,
 * defaults otherwise. For the takeover lock and check are at 5 s, below which its maintainers
 * advise against going (pull request 3249 of taskforcesh/bullmq). Groups of tenants are part of
 * its paid edition.
 */
import {
  createPostgresBackend,
  type Job as Kept,
  Queue,
  Worker,
  type WorkerOptions,
  withBackend,
} from 'bullmq';
import { Redis } from 'ioredis';
import type { Contestant, Job, Place, Style } from '../contestant.ts';

const QUEUE = 'bench';
const TASK = 'job';
const PRODUCER_POOL = 10;
const TAKEOVER_MS = 5_000;
const onPostgres = withBackend(createPostgresBackend);

/** What both backends' queues and workers have in common. */
type OpenQueue = Pick<Queue<Job>, 'add' | 'addBulk' | 'getJobCounts' | 'close'> & {
  waitUntilReady(): Promise<unknown>;
};
interface OpenWorker {
  on(event: 'completed', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

/** How queue and worker are opened on one of the two stores. */
interface Backend {
  queue(place: Place, pool: number): OpenQueue;
  worker(
    place: Place,
    options: Omit<WorkerOptions, 'connection'> & { readonly concurrency: number },
    work: (job: Kept<Job>) => Promise<unknown>,
  ): OpenWorker;
}

const redis: Backend = {
  queue: (place) => new Queue(QUEUE, { connection: redisOf(place) }),
  worker: (place, options, work) =>
    new Worker(QUEUE, work, { connection: redisOf(place), ...options }),
};

const postgres: Backend = {
  queue: ({ url }, max) =>
    new onPostgres.Queue<Job>(QUEUE, {
      connection: { connectionString: url, migrate: true, max },
    }),
  worker: ({ url }, options, work) =>
    new onPostgres.Worker<Job>(QUEUE, work, {
      connection: { connectionString: url, migrate: true, max: options.concurrency },
      ...options,
    }),
};

export const bullmqOnRedis = contestant(redis);
export const bullmqOnPostgres = contestant(postgres);

function contestant(backend: Backend): Contestant {
  return {
    async prepare(place) {
      const queue = backend.queue(place, 1);
      await queue.waitUntilReady();
      await queue.close();
    },
    async produce(place) {
      const queue = backend.queue(place, PRODUCER_POOL);
      await queue.waitUntilReady();
      return {
        async add(job) {
          await queue.add(TASK, job);
        },
        async addMany(jobs) {
          await queue.addBulk(jobs.map((data) => ({ name: TASK, data })));
        },
        close: () => queue.close(),
      };
    },
    async work(place, { slots, style, handle }) {
      const options = { concurrency: slots, ...recovery(style) };
      const worker = backend.worker(place, options, ({ data }) => handle(data));
      let settled = 0;
      worker.on('completed', () => {
        settled += 1;
      });
      worker.on('error', (error) => console.error(`BullMQ: ${error.message}`));
      await worker.waitUntilReady();
      return { settled: () => settled, close: () => worker.close() };
    },
    async survey(place) {
      const queue = backend.queue(place, 1);
      const { waiting = 0, delayed = 0, active = 0, completed = 0 } = await queue.getJobCounts();
      await queue.close();
      return { waiting: waiting + delayed, active, ended: completed };
    },
  };
}

function recovery(style: Style) {
  return style === 'takeover' ? { lockDuration: TAKEOVER_MS, stalledInterval: TAKEOVER_MS } : {};
}

/** Workers insist on commands that are retried for ever. */
function redisOf({ url }: Place) {
  const { hostname: host, port } = new URL(url);
  return { host, port: Number(port), maxRetriesPerRequest: null };
}

/** Empties the Redis of a place. */
export async function flush(place: Place): Promise<void> {
  const client = new Redis(redisOf(place));
  await client.flushall();
  client.disconnect();
}

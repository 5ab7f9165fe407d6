/**
 * BullMQ in the fence test, on Redis and on Postgres. Lock and check are at 5 s, below which its
 * maintainers advise against going (pull request 3249 of taskforcesh/bullmq).
 */
import {
  createPostgresBackend,
  type Job,
  type JobState,
  Queue,
  Worker,
  type WorkerOptions,
  withBackend,
} from 'bullmq';
import type { Contender, Done, Work } from '../contender.ts';
import { byOf, type State } from '../history.ts';

const QUEUE = 'fence';
const TASK = 'job';
const LOCK_MS = 5_000;
const POOL = 4;
const terms = { lockDuration: LOCK_MS, stalledInterval: LOCK_MS, concurrency: 1 };
const onPostgres = withBackend(createPostgresBackend);

type OpenQueue = Pick<Queue, 'add' | 'getJob' | 'getJobState' | 'close'> & {
  waitUntilReady(): Promise<unknown>;
};
interface OpenWorker {
  on(event: 'completed', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
}

/** How queue and worker are opened on one of the two stores. */
interface Backend {
  queue(url: string): OpenQueue;
  worker(
    url: string,
    options: Omit<WorkerOptions, 'connection'>,
    handle: Work['handle'],
  ): OpenWorker;
}

const redis: Backend = {
  queue: (url) => new Queue(QUEUE, { connection: redisOf(url) }),
  worker: (url, options, handle) =>
    new Worker(QUEUE, handle, { connection: redisOf(url), ...options }),
};

const postgres: Backend = {
  queue: (url) => new onPostgres.Queue(QUEUE, { connection: postgresOf(url) }),
  worker: (url, options, handle) =>
    new onPostgres.Worker<object, Done>(QUEUE, handle, {
      ...{ connection: postgresOf(url), ...options },
    }),
};

export const bullmqOnRedis = contender(redis);
export const bullmqOnPostgres = contender(postgres);

function contender(backend: Backend): Contender {
  return {
    async prepare(url) {
      const queue = backend.queue(url);
      await queue.waitUntilReady();
      await queue.close();
    },
    async desk(url) {
      const queue = backend.queue(url);
      await queue.waitUntilReady();
      return {
        start: async () => String((await queue.add(TASK, {})).id),
        async look(id) {
          // The state first: whatever has ended by then has its result.
          const state = stateOf(await queue.getJobState(id));
          const job: Job | undefined = await queue.getJob(id);
          return { state, by: byOf(job?.returnvalue) };
        },
        close: () => queue.close(),
      };
    },
    async work({ url, handle, say }) {
      const worker = backend.worker(url, terms, () => handle());
      worker.on('completed', () => say('completed'));
      worker.on('error', (error) => say(error.message));
      await worker.waitUntilReady();
    },
  };
}

function stateOf(state: JobState | 'unknown'): State {
  switch (state) {
    case 'completed':
      return 'succeeded';
    case 'failed':
      return 'failed';
    case 'active':
      return 'running';
    case 'unknown':
      return 'gone';
    default:
      return 'waiting';
  }
}

/** Workers insist on commands that are retried for ever. */
function redisOf(url: string) {
  const { hostname: host, port, pathname } = new URL(url);
  const db = Number(pathname.slice(1));
  return { host, port: Number(port), db, maxRetriesPerRequest: null };
}

const postgresOf = (connectionString: string) => ({ connectionString, migrate: true, max: POOL });

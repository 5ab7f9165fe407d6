/**
 * pg-boss as a contestant. For throughput a worker fetches and completes batches of 500 and goes on
 * at once while they are full; for latency its queue notifies. Results are not kept when a batch is
 * completed as a whole, which is its quickest way.
 */
import { type ConstructorOptions, PgBoss, type QueueOptions, type WorkOptions } from 'pg-boss';
import type { Contestant, Job, Place, Style, Worker, WorkTerms } from '../contestant.ts';
import { askOnce } from '../sql.ts';

const QUEUE = 'job';
const POOL_EXTRA = 4;
const PRODUCER_POOL = 10;
/** The least that it allows. */
const HEARTBEAT_SECONDS_MIN = 10;
const CENSUS = `
  select count(*) filter (where state < 'active')::int as waiting,
         count(*) filter (where state = 'active')::int as active,
         count(*) filter (where state = 'completed')::int as ended
    from pgboss.job where name = '${QUEUE}'`;

/** Notifying costs a start its group commit, so only latency and what depends on it pay for it. */
const notifies = (style: Style): boolean => style !== 'throughput';

async function open(place: Place, options: ConstructorOptions): Promise<PgBoss> {
  const boss = new PgBoss({
    ...{ connectionString: place.url, schedule: false, application_name: 'pg-boss' },
    ...options,
  });
  boss.on('error', (error) => console.error(`pg-boss: ${error.message}`));
  return boss.start();
}

export const pgBoss: Contestant = {
  async prepare(place) {
    const boss = await open(place, { supervise: false });
    await boss.createQueue(QUEUE);
    await boss.stop({ graceful: false });
  },

  async produce(place, style) {
    const boss = await open(place, { max: PRODUCER_POOL, supervise: false });
    await boss.updateQueue(QUEUE, queueOptions(style));
    return {
      async add(job) {
        await boss.send(QUEUE, job, grouped(style, job));
      },
      async addMany(jobs) {
        await boss.insert(
          QUEUE,
          jobs.map((data) => ({ data, ...grouped(style, data) })),
        );
      },
      close: () => boss.stop({ graceful: false }),
    };
  },

  work,

  async survey({ url }) {
    const [row] = await askOnce(url, CENSUS);
    return {
      ...{ waiting: Number(row?.waiting), active: Number(row?.active) },
      ended: Number(row?.ended),
    };
  },
};

/** Jobs of one fetch, and fetchers at once; a fetcher waits for all of its jobs. */
function fetching(style: Style, slots: number) {
  if (style === 'latency') return { batchSize: slots, localConcurrency: 1 };
  return style === 'throughput' || style === 'steady'
    ? { batchSize: 500, localConcurrency: 2 }
    : { batchSize: 4, localConcurrency: slots / 4 };
}

async function work(place: Place, { slots, style, handle }: WorkTerms): Promise<Worker> {
  const { batchSize, localConcurrency } = fetching(style, slots);
  const boss = await open(place, {
    ...{ max: localConcurrency + POOL_EXTRA, useListenNotify: notifies(style) },
    ...(style === 'takeover' ? { superviseIntervalSeconds: 1, monitorIntervalSeconds: 1 } : {}),
  });
  await boss.updateQueue(QUEUE, queueOptions(style));
  const options: WorkOptions = {
    ...{ batchSize, localConcurrency, burstWhenBatchFull: true },
    ...{ pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: notifies(style) ? 2 : 0.5 },
    ...(style === 'tenants' ? { groupConcurrency: slots / 2 } : {}),
  };
  await boss.work<Job>(QUEUE, options, (jobs) => inSlots(jobs, slots / localConcurrency, handle));
  return { settled: () => null, close: () => boss.stop({ graceful: true, timeout: 10_000 }) };
}

/** A batch is ours to spread over the slots. */
async function inSlots(
  jobs: readonly { readonly data: Job }[],
  slots: number,
  handle: WorkTerms['handle'],
): Promise<void> {
  let next = 0;
  const slot = async () => {
    for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) await handle(job.data);
  };
  await Promise.all(Array.from({ length: slots }, slot));
}

function queueOptions(style: Style): QueueOptions & { readonly notify: boolean } {
  return {
    notify: notifies(style),
    ...(style === 'takeover' ? { heartbeatSeconds: HEARTBEAT_SECONDS_MIN } : {}),
  };
}

const grouped = (style: Style, { tenant }: Job) =>
  style === 'tenants' ? { group: { id: tenant } } : {};

/**
 * graphile-worker as a contestant: in its default mode, and batched as in its own performance test
 * (a local queue of 500, completions and failures batched without delay).
 *
 * It keeps no results: a job that ended is a deleted row. Recovery of a killed worker's jobs is a
 * lock of four hours; quicker recovery is part of its paid edition.
 */
import { EventEmitter } from 'node:events';
import { Logger, makeWorkerUtils, run, type WorkerEvents } from 'graphile-worker';
import type { Contestant, Job, Place } from '../contestant.ts';
import { askOnce } from '../sql.ts';

const TASK = 'job';
const LOCAL_QUEUE_JOBS = 500;
/** Single starts want the default; larger ones were slower on two cores. */
const PRODUCER_POOL = 10;
const CENSUS = `
  select count(*) filter (where locked_at is null)::int as waiting,
         count(*) filter (where locked_at is not null)::int as active
    from graphile_worker._private_jobs`;

const logger = new Logger(() => () => {});

export function graphile({ batched }: { readonly batched: boolean }): Contestant {
  return {
    async prepare({ url }) {
      const utils = await makeWorkerUtils({ connectionString: url, logger });
      await utils.migrate();
      await utils.release();
    },
    produce: ({ url }) => produce(url),
    async work({ url }, { slots, style, handle }) {
      const batches = batched && style !== 'latency';
      const events: WorkerEvents = new EventEmitter();
      events.setMaxListeners(slots + 10);
      const runner = await run({
        ...{ logger, events, noHandleSignals: true },
        taskList: { [TASK]: (payload) => handle(payload as Job).then(() => {}) },
        preset: {
          worker: {
            ...{ connectionString: url, concurrentJobs: slots, maxPoolSize: slots + 1 },
            ...(batched ? batching(batches) : {}),
          },
        },
      });
      return { settled: () => null, close: () => runner.stop() };
    },
    async survey({ url }: Place) {
      const [row] = await askOnce(url, CENSUS);
      return { waiting: Number(row?.waiting), active: Number(row?.active), ended: null };
    },
  };
}

function batching(localQueue: boolean) {
  return {
    ...(localQueue ? { localQueue: { size: LOCAL_QUEUE_JOBS } } : {}),
    ...{ completeJobBatchDelay: 0, failJobBatchDelay: 0 },
  };
}

async function produce(url: string) {
  const utils = await makeWorkerUtils({
    ...{ connectionString: url, maxPoolSize: PRODUCER_POOL, logger },
  });
  return {
    add: async (job: Job) => {
      await utils.addJob(TASK, job);
    },
    addMany: async (jobs: readonly Job[]) => {
      await utils.addJobs(jobs.map((payload) => ({ identifier: TASK, payload })));
    },
    close: async () => {
      await utils.release();
    },
  };
}

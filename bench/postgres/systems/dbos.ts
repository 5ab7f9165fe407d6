/**
 * DBOS as a contestant: a queue of workflows with one step each, or as many as asked, 100 at once,
 * polled every 50 ms.
 * Recovery of another executor's workflows is left to its paid Conductor, or to a call of one's
 * own.
 */
import { randomUUID } from 'node:crypto';
import { DBOS, DBOSClient } from '@dbos-inc/dbos-sdk';
import { Pool } from 'pg';
import type { Contestant, Job, Place, WorkTerms } from '../contestant.ts';
import { askOnce } from '../sql.ts';

const APPLICATION = 'bench';
const VERSION = '1';
const QUEUE = 'bench-queue';
const WORKFLOW = 'job';
const CONCURRENCY = 100;
const POLL_MS = 50;
const POOL = 20;
const PRODUCER_POOL = 10;
const END_MS_MAX = 5_000;
const CENSUS = `
  select count(*) filter (where status = 'ENQUEUED')::int as waiting,
         count(*) filter (where status = 'PENDING')::int as active,
         count(*) filter (where status = 'SUCCESS')::int as ended
    from dbos.workflow_status`;

const silent = { debug() {}, info() {}, warn: console.error, error: console.error };

let handle: WorkTerms['handle'] = async () => null;
let steps = 1;
/** Registered once in a process, before its first launch. */
let registered = false;

async function workflow(job: Job): Promise<unknown> {
  for (let step = 1; step < steps; step += 1) {
    await DBOS.runStep(async () => step, { name: `step-${step}` });
  }
  return DBOS.runStep(() => handle(job), { name: 'last' });
}

async function launch(place: Place): Promise<void> {
  if (!registered) {
    DBOS.registerWorkflow(workflow, { name: WORKFLOW });
    registered = true;
  }
  DBOS.setConfig({
    ...{ name: APPLICATION, applicationVersion: VERSION, executorID: randomUUID() },
    ...{ systemDatabaseUrl: place.url, systemDatabasePoolSize: POOL, logger: silent },
  });
  await DBOS.launch();
}

export const dbos: Contestant = {
  async prepare(place) {
    await launch(place);
    await DBOS.registerQueue(QUEUE, {
      workerConcurrency: CONCURRENCY,
      minPollingIntervalMs: POLL_MS,
    });
    await DBOS.shutdown();
  },

  async produce({ url }, style) {
    const client = await DBOSClient.create({
      ...{ systemDatabaseUrl: url, systemDatabasePoolSize: PRODUCER_POOL, logger: silent },
      applicationName: APPLICATION,
    });
    const pool = new Pool({ connectionString: url, max: PRODUCER_POOL });
    const options = ({ tenant }: Job) => ({
      ...{ queueName: QUEUE, workflowName: WORKFLOW, appVersion: VERSION },
      ...(style === 'tenants' ? { queuePartitionKey: tenant } : {}),
    });
    return {
      async add(job) {
        await client.enqueue(options(job), job);
      },
      async addMany(jobs) {
        const own = await pool.connect();
        await own.query('begin');
        for (const job of jobs) await client.enqueueInTransaction(own, options(job), job);
        await own.query('commit');
        own.release();
      },
      async close() {
        await pool.end();
        await client.destroy();
      },
    };
  },

  async work(place, terms) {
    handle = terms.handle;
    steps = Math.max(1, terms.steps);
    await launch(place);
    if (terms.style === 'tenants') {
      await DBOS.registerQueue(QUEUE, {
        ...{ minPollingIntervalMs: POLL_MS, workerConcurrency: terms.slots },
        ...{ partitionWorkerConcurrency: terms.slots / 2, onConflict: 'always_update' },
      });
    }
    return {
      settled: () => null,
      close: () => DBOS.shutdown({ workflowCompletionTimeoutMS: END_MS_MAX }),
    };
  },

  async survey({ url }) {
    const [row] = await askOnce(url, CENSUS);
    return {
      ...{ waiting: Number(row?.waiting), active: Number(row?.active) },
      ended: Number(row?.ended),
    };
  },
};

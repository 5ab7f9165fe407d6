/**
 * pg-boss in the fence test, in the two ways in which its interface lets a job be worked off: by
 * `work()`, and by `fetch()` and `complete()` with the id of the job. Given the fetched job in the
 * place of its id, `complete()` does what `work()` does.
 */
import { type JobWithMetadata, PgBoss } from 'pg-boss';
import type { Contender, Desk, Work } from '../contender.ts';
import { byOf, type State } from '../history.ts';

const QUEUE = 'fence';
const POLL_MS = 500;
/** The least that it allows. */
const HEARTBEAT_SECONDS = 10;
/** What `work()` does by itself, at its rate. */
const TOUCH_MS = 5_000;
const RETRIES = 3;

const states: Readonly<Record<JobWithMetadata['state'], State>> = {
  ...{ created: 'waiting', retry: 'waiting', active: 'running' },
  ...{ completed: 'succeeded', cancelled: 'failed', failed: 'failed' },
};

async function open(url: string, say: Work['say'], supervise: boolean): Promise<PgBoss> {
  const boss = new PgBoss({
    ...{ connectionString: url, schedule: false, supervise },
    ...{ superviseIntervalSeconds: 1, monitorIntervalSeconds: 1 },
  });
  boss.on('error', (error) => say(error.message));
  return boss.start();
}

async function desk(url: string): Promise<Desk> {
  const boss = await open(url, () => {}, false);
  return {
    async start() {
      const id = await boss.send(QUEUE, {});
      if (id === null) throw new Error('pg-boss did not accept the job');
      return id;
    },
    async look(id) {
      const [job] = await boss.findJobs(QUEUE, { id });
      if (job === undefined) return { state: 'gone', by: null };
      return { state: states[job.state], by: byOf(job.output) };
    },
    close: () => boss.stop({ graceful: false }),
  };
}

async function prepare(url: string): Promise<void> {
  const boss = await open(url, () => {}, false);
  await boss.createQueue(QUEUE, {
    ...{ heartbeatSeconds: HEARTBEAT_SECONDS, retryLimit: RETRIES, retryDelay: 0 },
  });
  await boss.stop({ graceful: false });
}

export const pgBossWorking: Contender = {
  ...{ prepare, desk },
  async work({ url, handle, say }) {
    const boss = await open(url, say, true);
    await boss.work(QUEUE, { pollingIntervalSeconds: POLL_MS / 1_000 }, () => handle());
  },
};

export const pgBossById: Contender = {
  ...{ prepare, desk },
  async work({ url, handle, say }) {
    const boss = await open(url, say, true);
    const poll = async (): Promise<void> => {
      const [job] = await boss.fetch(QUEUE);
      if (job !== undefined) {
        const touch = () => boss.touch(QUEUE, job.id).catch((error) => say(String(error)));
        const beat = setInterval(touch, TOUCH_MS);
        const answer = await boss.complete(QUEUE, job.id, await handle());
        clearInterval(beat);
        say(`complete: ${JSON.stringify(answer)}`);
      }
      setTimeout(() => void poll(), POLL_MS);
    };
    await poll();
  },
};

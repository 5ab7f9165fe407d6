/**
 * graphile-worker in the fence test. Its lock lasts four hours whatever the settings; recovery of a
 * dead worker's jobs is part of its paid edition. What its documentation offers instead is that an
 * operator unlocks the worker's jobs, which is done here as an operator does it: by the id that
 * stands in the job. It keeps no results; a job that is over is a row that is gone.
 */
import { EventEmitter } from 'node:events';
import { Logger, makeWorkerUtils, run, type WorkerEvents } from 'graphile-worker';
import type { Row } from '../../postgres/sql.ts';
import type { Contender, Work } from '../contender.ts';

const TASK = 'fence';
const POLL_MS = 500;
const LOOK = 'select locked_by from graphile_worker._private_jobs where id = $1';

const silent = new Logger(() => () => {});

export const graphile: Contender = {
  async prepare(url) {
    const utils = await makeWorkerUtils({ connectionString: url, logger: silent });
    await utils.migrate();
    await utils.release();
  },

  async desk(url) {
    const utils = await makeWorkerUtils({ connectionString: url, logger: silent });
    const ownerOf = async (id: string) => {
      const found = await utils.withPgClient((client) => client.query<Row>(LOOK, [id]));
      return found.rows[0]?.locked_by;
    };
    return {
      start: async () => (await utils.addJob(TASK, {})).id,
      async look(id) {
        const owner = await ownerOf(id);
        if (owner === undefined) return { state: 'gone', by: null };
        return { state: owner === null ? 'waiting' : 'running', by: null };
      },
      unlock: async (id) => utils.forceUnlockWorkers([String(await ownerOf(id))]),
      close: async () => {
        await utils.release();
      },
    };
  },

  async work({ url, handle, say }: Work) {
    const events: WorkerEvents = new EventEmitter();
    events.on('job:complete', ({ error }) =>
      say(`job:complete, ${error ? 'failed' : 'succeeded'}`),
    );
    await run({
      ...{ events, noHandleSignals: true, connectionString: url, pollInterval: POLL_MS },
      logger: new Logger(() => (level, message) => {
        if (level === 'error' || level === 'warning') say(message);
      }),
      taskList: { [TASK]: () => handle().then(() => {}) },
    });
  },
};

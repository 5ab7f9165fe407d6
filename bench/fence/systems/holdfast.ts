/**
 * holdfast in the fence test, on SQLite and on Postgres alike: two nodes with a short lease, and an
 * observer that executes nothing.
 */
import { defineFunction, Holdfast } from 'holdfast';
import type { Contender, Done, Work } from '../contender.ts';
import { byOf } from '../history.ts';

const FUNCTION = 'fence';
const LEASE_TTL_MS = 2_000;
const silent = { log: () => {} };

const observer = (url: string) => Holdfast.open({ store: url, execute: false, log: silent });

export const holdfast: Contender = {
  async prepare(url) {
    const hf = await observer(url);
    await hf.close();
  },

  async desk(url) {
    const hf = await observer(url);
    return {
      start: async () => (await hf.start(FUNCTION, null)).id,
      async look(id) {
        const run = await hf.runs.get(id);
        if (run === null) return { state: 'gone', by: null };
        const by = byOf(run.result);
        if (run.outcome !== null) {
          return { state: run.outcome.kind === 'succeeded' ? 'succeeded' : 'failed', by };
        }
        return { state: run.status === 'running' ? 'running' : 'waiting', by };
      },
      close: () => hf.close(),
    };
  },

  async work({ url, handle, say }: Work) {
    const fence = defineFunction({ name: FUNCTION, run: (_: null): Promise<Done> => handle() });
    const log = { log: (_level: string, message: string) => say(message) };
    await Holdfast.open({ store: url, functions: [fence], leaseTtlMs: LEASE_TTL_MS, log });
  },
};

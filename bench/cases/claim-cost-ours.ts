/**
 * Our side of the claim cost, at the store port. Checked: every claim is full, every end is the
 * first of its run, and at last the counts of both stores are what was put in and taken out.
 */
import { join } from 'node:path';
import type { NodeKey } from '../../src/core/execution/run.ts';
import type { Store } from '../../src/ports/store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { processTable } from '../../src/system/process-table.ts';
import { systemRandom } from '../../src/system/random.ts';
import { type Case, verify } from '../case.ts';
import { chunks, insertBatchRuns } from './numbers.ts';
import type { OursParams } from './ours.ts';
import { startItem } from './start-item.ts';

type Params = OursParams & { readonly path?: string };

/** Far longer than the benchmark: no heartbeat takes part in it. */
const TTL_MS = 24 * 3_600_000;

export async function openCase({ dir, durability, path }: Params): Promise<Case> {
  const place = { path: path ?? join(dir, 'claim-cost-grown.db') };
  const grown = await openHand(place.path, durability);
  // The same file in every round: a new one would be measured while its thread is still cold.
  // What ended stays in it, a few thousand runs: to prune it would make its pages dearer than
  // those of a new file.
  const empty = await openHand(join(dir, `claim-cost-${durability}.db`), durability);
  return {
    async ask(ask) {
      if (ask.do === 'build') {
        const rows = Number(ask.rows);
        await grown.insert(rows);
        await grown.work(rows, insertBatchRuns);
        await grown.insert(rows);
        return place;
      }
      if (ask.do === 'tally') return grown.tally();
      if (ask.do === 'check') {
        await grown.check({ inserted: Number(ask.inserted), ended: Number(ask.ended) });
        return {};
      }
      const runs = Number(ask.runs);
      const batch = Number(ask.batch);
      await empty.insert(runs);
      const emptyUs = await empty.work(runs, batch);
      await empty.check();
      // As many go in as come out, so that both do the same and the backlog stays as large as it
      // is.
      await grown.insert(runs);
      return { emptyUs, grownUs: await grown.work(runs, batch) };
    },
    async close() {
      await empty.close();
      await grown.close();
    },
  };
}

/** A store with one node that works on it. */
async function openHand(path: string, durability: Params['durability']) {
  const store = await openSqliteStore({ path, durability });
  const joined = await store.join({
    ...{ name: 'bench', process: processTable().self(), ttlMs: TTL_MS, slots: insertBatchRuns },
    functions: [{ fn: 'noop', version: '1', digest: 'bench' }],
  });
  if (!joined.ok) throw new Error(joined.message);
  const tally = { inserted: 0, ended: 0 };
  return {
    async insert(count: number): Promise<void> {
      for (const part of chunks(count, insertBatchRuns)) await insert(store, part);
      tally.inserted += count;
    },
    /** Claims and ends; gives the microseconds of a run. */
    async work(count: number, batch: number): Promise<number> {
      const startedAt = performance.now();
      for (let done = 0; done < count; done += batch) {
        await claimAndEnd(store, joined.node, Math.min(batch, count - done));
      }
      tally.ended += count;
      return ((performance.now() - startedAt) * 1e3) / count;
    },
    tally: () => ({ ...tally }),
    /** Compares what the store holds with what all its users together put in and ended. */
    async check({ inserted, ended } = tally): Promise<void> {
      const { queued, running, succeeded } = await store.counts();
      verify(running === 0, `no run is left running, found ${running}`);
      verify(succeeded === ended, `${ended} runs ended, found ${succeeded}`);
      verify(queued === inserted - ended, `${inserted - ended} runs wait, found ${queued}`);
    },
    close: () => store.close(),
  };
}

async function insert(store: Store, numbers: readonly number[]): Promise<void> {
  const random = systemRandom();
  const { reply } = await store.start(numbers.map((n) => startItem(random.id(), n)));
  verify(
    reply.every((verdict) => verdict.ok && verdict.created),
    'every start is accepted',
  );
}

async function claimAndEnd(store: Store, node: NodeKey, count: number): Promise<void> {
  const functions = [{ fn: 'noop', runsMax: count }];
  const claimed = await store.claim({ node, functions, runsMax: count });
  verify(claimed.ok && claimed.runs.length === count, `${count} runs were handed out`);
  if (!claimed.ok) return;
  const { reply } = await store.end(
    claimed.runs.map(({ seq, fence, input }) => ({
      ...{ seq, fence },
      end: { how: 'succeeded', result: input },
    })),
  );
  verify(
    reply.every((verdict) => verdict.ok && !verdict.repeated),
    'every end is the first of its run',
  );
}

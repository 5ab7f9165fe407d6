/**
 * Our side of the burn-down: a starter and, for each number of slots, a node that stays. While
 * the function is paused the starter inserts; then it is resumed. Checked: each handler ran once,
 * each run succeeded in its first attempt under a fence, and results are there to be read.
 */
import { join } from 'node:path';
import { defineFunction, Holdfast } from 'holdfast';
import { type Case, verify } from '../case.ts';
import { chunks, insertBatchRuns } from './numbers.ts';
import { type Numbered, type OursParams, startNumbers } from './ours.ts';
import { until } from './waits.ts';

const RESULTS_CHECKED = 100;

export async function openCase(params: OursParams): Promise<Case> {
  const sites = new Map<number, Site>();
  return {
    async ask({ runs, concurrency }) {
      const slots = Number(concurrency);
      const site = sites.get(slots) ?? (await openSite(params, slots));
      sites.set(slots, site);
      return burn(site, Number(runs));
    },
    async close() {
      for (const { starter, node } of sites.values()) {
        await starter.close();
        await node.close();
      }
    },
  };
}

type Site = Awaited<ReturnType<typeof openSite>>;

async function openSite({ dir, durability }: OursParams, slots: number) {
  const store = { path: join(dir, `burndown-${durability}-${slots}.db`) };
  const calls = new Map<number, number>();
  const noop = defineFunction({
    name: 'noop',
    run: ({ n }: Numbered) => {
      calls.set(n, (calls.get(n) ?? 0) + 1);
      return { n };
    },
  });
  const starter = await Holdfast.open({ store, durability, execute: false });
  const node = await Holdfast.open({ store, durability, slots, functions: [noop] });
  return { noop, calls, starter, node };
}

async function burn({ noop, calls, starter, node }: Site, runs: number) {
  calls.clear();
  const before = node.stats().succeeded;
  await starter.functions.pause('noop', 'until the word go');
  const insertedAt = performance.now();
  for (const part of chunks(runs, insertBatchRuns)) await startNumbers(starter, noop, part);
  const insertSeconds = (performance.now() - insertedAt) / 1_000;
  const { queued } = await starter.runs.counts();
  verify(queued === runs, `${runs} runs wait before the word go, found ${queued}`);

  const startedAt = performance.now();
  await node.functions.resume('noop');
  await until(() => node.stats().succeeded - before >= runs);
  const seconds = (performance.now() - startedAt) / 1_000;

  verify(calls.size === runs, `${runs} handlers ran, found ${calls.size}`);
  verify(
    [...calls.values()].every((times) => times === 1),
    'no handler ran twice',
  );
  await checkRuns(starter, before, runs);
  return { seconds, insertSeconds };
}

/** Looks at the newest `runs` of all that succeeded, page by page. */
async function checkRuns(starter: Holdfast, before: number, runs: number): Promise<void> {
  const { succeeded, queued, running, failed } = await starter.runs.counts();
  verify(queued + running + failed === 0, 'nothing is left and nothing failed');
  verify(succeeded === before + runs, `${before + runs} outcomes are there, found ${succeeded}`);
  const seen = new Set<string>();
  let cursor: string | undefined;
  while (seen.size < runs) {
    const page = await starter.runs.list({
      limit: Math.min(insertBatchRuns, runs - seen.size),
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const run of page.runs) {
      verify(run.attempt === 1 && run.fence >= 1, `run ${run.id} took one attempt under a fence`);
      if (seen.size < RESULTS_CHECKED) {
        const kept = await starter.runs.get(run.id);
        verify(JSON.stringify(kept?.result) === JSON.stringify(kept?.input), 'results are kept');
      }
      seen.add(run.id);
    }
    verify(page.next !== null || seen.size === runs, `${runs} runs are listed`);
    cursor = page.next ?? undefined;
  }
}

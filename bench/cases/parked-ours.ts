/**
 * Runs that sleep until a time of their own. They are started while a node parks them; the first
 * time is so far away that all are parked before. Checked: all were, and each goes on once.
 */
import { defineFunction, Holdfast } from 'holdfast';
import { type Ask, type Case, verify } from '../case.ts';
import { chunks } from './numbers.ts';
import { until } from './waits.ts';

type Params = Ask & { readonly store: string; readonly runs: number };

const SLOTS = 100;
/** Samples of one answer. */
const SAMPLES_MAX = 100_000;
const MIB = 1_048_576;

export async function openCase({ store, runs }: Params): Promise<Case> {
  const late = new Map<number, number>();
  let again = 0;
  const sleeper = defineFunction({
    name: 'sleeper',
    run: async ({ n, at }: { n: number; at: number }, ctx) => {
      await ctx.sleepUntil(at);
      if (late.has(n)) again += 1;
      late.set(n, Date.now() - at);
    },
  });
  const starter = await Holdfast.open({ store, execute: false });
  const node = await Holdfast.open({ store, slots: SLOTS, functions: [sleeper] });
  let firstAt = 0;
  const park = async (ask: Ask) => {
    firstAt = Date.now() + Number(ask.parkMsMax);
    const everyMs = 1_000 / Number(ask.perSecond);
    const from = performance.now();
    for (const part of chunks(runs, 1_000)) {
      const items = part.map((n) => ({ input: { n, at: firstAt + n * everyMs } }));
      for (const { ok } of await starter.startMany(sleeper, items))
        verify(ok, 'a start is accepted');
    }
    await until(() => node.stats().parked >= runs);
    const seconds = (performance.now() - from) / 1_000;
    const { parked } = await starter.runs.counts();
    verify(Date.now() < firstAt, 'all are parked before the first has to wake');
    verify(parked === runs, `${runs} runs are parked, found ${parked}`);
    return { seconds, rssMiB: process.memoryUsage.rss() / MIB };
  };
  const wake = async () => {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, firstAt - Date.now())));
    await until(() => node.stats().succeeded >= runs);
    verify(late.size === runs && again === 0, `${runs} went on once, found ${late.size}, ${again}`);
    const every = Math.ceil(runs / SAMPLES_MAX);
    const sorted = [...late.values()].sort((a, b) => a - b);
    // The largest is among them.
    return { lateMs: sorted.filter((_, index) => (sorted.length - 1 - index) % every === 0) };
  };
  return {
    ask: (ask) => (ask.do === 'park' ? park(ask) : wake()),
    async close() {
      await starter.close();
      await node.close();
    },
  };
}

/**
 * Runs that sleep until a time of their own. They are started while a node parks them; the first
 * time is so far away that all are parked before, by the rate of a first few. Checked: all were,
 * and each whose time comes within the measured seconds goes on once.
 */
import { defineFunction, Holdfast } from 'holdfast';
import { type Ask, type Case, verify } from '../case.ts';
import { chunks } from './numbers.ts';
import { pause, until } from './waits.ts';

type Params = Ask & { readonly store: string; readonly runs: number };

const SLOTS = 100;
const BATCH_RUNS = 1_000;
/** How many tell the rate, how long they sleep, and by how much slower the rest may be parked. */
const FIRST_RUNS = 5_000;
const FIRST_MS = 5_000;
const SLOWER = 1.8;
const SPARE_MS = 5_000;
/** Samples of one answer. */
const SAMPLES_MAX = 100_000;
const MIB = 1_048_576;

export async function openCase({ store, runs }: Params): Promise<Case> {
  const late = new Map<number, number>();
  let again = 0;
  /** Those with a smaller number are waited for; so many have gone on. */
  let wanted = 0;
  let woken = 0;
  const sleeper = defineFunction({
    name: 'sleeper',
    run: async ({ n, at }: { n: number; at: number }, ctx) => {
      await ctx.sleepUntil(at);
      if (late.has(n)) again += 1;
      else if (n < wanted) woken += 1;
      late.set(n, Date.now() - at);
    },
  });
  const starter = await Holdfast.open({ store, execute: false });
  const node = await Holdfast.open({ store, slots: SLOTS, functions: [sleeper] });

  /** Starts so many, and waits until they are parked; how long that took, in ms. */
  const startParked = async (count: number, atOf: (n: number) => number): Promise<number> => {
    const before = node.stats().parked;
    const from = performance.now();
    for (const part of chunks(count, BATCH_RUNS)) {
      const items = part.map((n) => ({ input: { n, at: atOf(n) } }));
      for (const { ok } of await starter.startMany(sleeper, items))
        verify(ok, 'a start is accepted');
    }
    await until(() => node.stats().parked - before >= count);
    return performance.now() - from;
  };

  let firstAt = 0;
  const park = async (ask: Ask) => {
    const soon = Date.now() + FIRST_MS;
    const took = await startParked(FIRST_RUNS, () => soon);
    verify(Date.now() < soon, `the first ${FIRST_RUNS} are parked in ${FIRST_MS} ms`);
    await until(() => node.stats().succeeded >= FIRST_RUNS);
    late.clear();
    again = 0;
    firstAt = Date.now() + (took / FIRST_RUNS) * runs * SLOWER + SPARE_MS;
    const everyMs = 1_000 / Number(ask.perSecond);
    const ms = await startParked(runs, (n) => firstAt + n * everyMs);
    const { parked } = await starter.runs.counts();
    verify(Date.now() < firstAt, 'all are parked before the first has to wake');
    verify(parked === runs, `${runs} runs are parked, found ${parked}`);
    return { seconds: ms / 1_000, rssMiB: process.memoryUsage.rss() / MIB };
  };

  /** The first `count` are waited for; the others stay where they are. */
  const wake = async (count: number) => {
    wanted = count;
    await pause(Math.max(0, firstAt - Date.now()));
    await until(() => woken >= count);
    verify(again === 0, `each goes on once, found ${again} that did twice`);
    const every = Math.ceil(count / SAMPLES_MAX);
    const due = Array.from({ length: count }, (_, n) => late.get(n) ?? Number.NaN);
    const sorted = due.sort((a, b) => a - b);
    // The largest is among them.
    return { lateMs: sorted.filter((_, index) => (sorted.length - 1 - index) % every === 0) };
  };
  return {
    ask: (ask) => (ask.do === 'park' ? park(ask) : wake(Number(ask.count))),
    async close() {
      await starter.close();
      await node.close();
    },
  };
}

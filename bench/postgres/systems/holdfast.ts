/**
 * holdfast as a contestant: its defaults, the slots and the durability of the place. Tenants are
 * tenants. Where a job is started in the process that executes it, one runtime does both, as in a
 * program; the others have a runtime each. A process that is to look far away gets another host id,
 * so that no other can look it up in the process table; everything else is what `Holdfast.open`
 * does.
 */
import { defineFunction, Holdfast } from 'holdfast';
import { verify } from '../../case.ts';
import type { Contestant, Job, Place, Style, WorkTerms } from '../contestant.ts';
import { openFar } from './far.ts';

/** That an owner died is what a part is about, and no news. */
const silent = { log: () => {} };
const RESULTS_CHECKED = 100;

const job = defineFunction({ name: 'job', run: (given: Job) => Promise.resolve<unknown>(given) });

const openIdle = ({ url, durability }: Place) =>
  Holdfast.open({ store: url, durability, execute: false });

/** The runtime that executes in this process. */
let executing: Holdfast | null = null;

/** A runtime to start jobs with, and how to be done with it. */
async function starter(place: Place, style: Style) {
  const shared = executing;
  if (style === 'latency' && shared !== null) return { hf: shared, close: () => Promise.resolve() };
  const hf = await openIdle(place);
  return { hf, close: () => hf.close() };
}

export const holdfast: Contestant = {
  async prepare(place) {
    const hf = await openIdle(place);
    await hf.close();
  },

  async produce(place, style) {
    const { hf, close } = await starter(place, style);
    return {
      async add(given) {
        await hf.start(job, given, { tenant: given.tenant });
      },
      async addMany(jobs) {
        const items = jobs.map((input) => ({ input, tenant: input.tenant }));
        const verdicts = await hf.startMany(job, items);
        verify(
          verdicts.every(({ ok }) => ok),
          'every start is accepted',
        );
      },
      close,
    };
  },

  async work({ url, durability }, { slots, steps, handle, far }: WorkTerms) {
    const own = defineFunction({
      name: 'job',
      run: async (given: Job, ctx) => {
        if (steps === 0) return handle(given);
        for (let step = 1; step < steps; step += 1) await ctx.step(`step-${step}`, () => step);
        return ctx.step('last', () => handle(given));
      },
    });
    const options = { store: url, durability, slots, functions: [own], log: silent };
    if (far) {
      const opened = await openFar(options);
      return { settled: () => opened.hf.stats().succeeded, close: opened.close };
    }
    const hf = await Holdfast.open(options);
    executing = hf;
    return {
      settled: () => hf.stats().succeeded,
      close: async () => {
        executing = null;
        await hf.close();
      },
    };
  },

  async survey(place) {
    const hf = await openIdle(place);
    const { queued, running, succeeded } = await hf.runs.counts();
    const { runs } = await hf.runs.list({ outcome: 'succeeded', limit: RESULTS_CHECKED });
    for (const { id } of runs) {
      const kept = await hf.runs.get(id);
      verify(numberIn(kept?.result) === numberIn(kept?.input), 'results are kept');
    }
    await hf.close();
    return { waiting: queued, active: running, ended: succeeded };
  },
};

const numberIn = (value: unknown): unknown => (value as { readonly n?: unknown } | null)?.n;

/**
 * B5. What a small tenant feels of a noisy one. Together they start 300 jobs a second, which one
 * process with 24 slots can do; the noisy one starts 90 % of them, and all of a second at once. So
 * its jobs hold every slot for a third of the time. Measured is how long the small tenant's jobs
 * wait for their handlers, beside the noisy one and alone.
 *
 * Ours names tenants. Peers use the nearest that they have: pg-boss a limit for each group, DBOS
 * one for each partition; graphile-worker and BullMQ have nothing of the kind in their free
 * editions.
 */
import { type Bench, numbersOf, type Stage } from '../bench.ts';
import { hostMs, pause } from '../cases/waits.ts';
import { fromRounds, fromSamples, type Measure, type Metric } from '../measure.ts';
import { percentile } from '../spread.ts';
import { Field } from './field.ts';
import { type Entry, peerVersions, rosterOf } from './roster.ts';
import type { Stream } from './starting.ts';
import { takeTurns } from './turns.ts';

const SLOTS = 24;
const HOLD_MS = 30;
const WARM_UP_MS = 1_200;
const NOISE: Stream = { tenant: 'noisy', perSecond: 270, burstMs: 1_000 };
const SMALL: Stream = { tenant: 'small', perSecond: 30, burstMs: 10 };
/** They differ from others only in what this part does not touch, or in nothing. */
const LEFT_OUT = ['graphile-batched', 'bullmq'];

export const postgresTenants: Bench = {
  name: 'postgres-tenants',
  about: 'a small tenant beside a noisy one with 90 % of the load, and alone',
  ...{ group: 'postgres', words: ['b5', 'tenants'], peers: peerVersions, run },
};

interface Round {
  readonly alone: readonly number[];
  readonly beside: readonly number[];
}

async function run(stage: Stage): Promise<readonly Measure[]> {
  const field = await Field.open(stage);
  const entries = rosterOf(
    stage.only,
    ({ side, durability }) => !LEFT_OUT.includes(side) && durability === 'full',
  );
  const played = await takeTurns(stage, entries, stage.size(5, 2), async (entry, round) => {
    const alone = await waitsOf(field, entry, [SMALL]);
    const beside = await waitsOf(field, entry, [SMALL, NOISE]);
    const [one, other] = [percentile(alone, 0.99), percentile(beside, 0.99)].map(Math.round);
    stage.say(`round ${round}: ${entry.title}: p99 ${one} ms alone, ${other} ms beside`);
    return { alone, beside };
  });
  return [...played].flatMap(([entry, rounds]) => measuresOf(entry, rounds));
}

async function waitsOf(field: Field, entry: Entry, streams: readonly Stream[]) {
  const ground = await field.ground(entry);
  const { place } = ground;
  const node = await field.seat(entry, 0);
  const starter = await field.seat(entry, 1);
  const work = { do: 'work', slots: SLOTS, style: 'tenants', telling: 'samples' };
  await starter.ask({ do: 'produce', place, style: 'tenants' });
  await node.ask({ ...work, place, holdMs: HOLD_MS });
  await starter.ask({ do: 'load', streams });
  await pause(WARM_UP_MS);
  const fromMs = hostMs();
  await pause(field.stage.size(4_000, 3_000));
  const answer = await node.ask({ do: 'samples', tenant: SMALL.tenant, fromMs });
  await starter.ask({ do: 'unload' });
  await starter.ask({ do: 'produced' });
  await node.ask({ do: 'worked' });
  await ground.drop();
  return numbersOf(answer, 'ms');
}

function measuresOf(entry: Entry, rounds: readonly Round[]): readonly Measure[] {
  const wait = (name: string): Metric => ({ name, unit: 'ms', better: 'lower' });
  const alone = rounds.map((round) => round.alone);
  const beside = rounds.map((round) => round.beside);
  const quotient = percentile(beside.flat(), 0.99) / percentile(alone.flat(), 0.99);
  const perRound = rounds.map(
    (round) => percentile(round.beside, 0.99) / percentile(round.alone, 0.99),
  );
  const times: Metric = { name: 'p99, beside over alone', unit: 'times', better: 'lower' };
  return [
    fromSamples(entry, wait('alone, p50'), alone, 0.5),
    fromSamples(entry, wait('alone, p99'), alone, 0.99),
    fromSamples(entry, wait('beside the noisy one, p50'), beside, 0.5),
    fromSamples(entry, wait('beside the noisy one, p99'), beside, 0.99),
    {
      ...fromRounds(entry, times, perRound, beside.flat().length),
      value: Number(quotient.toPrecision(4)),
    },
  ];
}

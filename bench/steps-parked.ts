/**
 * How late parked runs wake: a million that sleep until a time of their own, 1,000 of which wake in
 * a second, on one process with 100 slots; and how fast they are parked before. Late is how long
 * after its time the code of a run goes on, by the one clock of the host. Measured are those that
 * wake in the first two minutes; all others stay parked meanwhile.
 *
 * U1 All are parked before the first time has come, and each goes on once.
 */
import { join } from 'node:path';
import { type Bench, numberOf, numbersOf, type Stage } from './bench.ts';
import type { Ask } from './case.ts';
import { fromRounds, fromSamples, type Measure } from './measure.ts';
import { Server } from './postgres/server.ts';

const WAKES_PER_SECOND = 1_000;
const WAKE_SECONDS = 120;

export const stepsParked: Bench = {
  name: 'steps-parked',
  about: '1,000,000 runs parked, and woken at 1,000 a second: how late they go on',
  ...{ long: true, peers: () => ({}), run },
};

async function run(stage: Stage): Promise<readonly Measure[]> {
  const runs = stage.size(1_000_000, 10_000);
  const server = await Server.open(stage.dir);
  stage.atClear(() => server.close());
  const places: readonly (readonly [string, string])[] = [
    ['SQLite', join(stage.dir, 'parked.db')],
    ['Postgres', await server.create()],
  ];
  const measures: Measure[] = [];
  for (const [title, store] of places) {
    stage.say(`${title}: ${runs} runs are parked`);
    measures.push(...(await play(stage, title, { store, runs })));
  }
  return measures;
}

async function play(stage: Stage, title: string, params: Ask): Promise<readonly Measure[]> {
  const seat = await stage.openCase('parked-ours', params, `parked on ${title}`);
  const runs = Number(params.runs);
  const parked = await seat.ask({ do: 'park', perSecond: WAKES_PER_SECOND });
  const perSecond = runs / numberOf(parked, 'seconds');
  stage.say(`${title}: parked at ${Math.round(perSecond)} runs/s`);
  const count = Math.min(runs, WAKES_PER_SECOND * WAKE_SECONDS);
  const late = numbersOf(await seat.ask({ do: 'wake', count }), 'lateMs');
  await seat.kill('SIGKILL');
  const ours = { side: 'ours', durability: 'full' } as const;
  const of = (name: string, unit: string, better: 'higher' | 'lower') =>
    ({ name: `${title}, ${name}`, unit, better }) as const;
  return [
    fromRounds(ours, of('parked', 'runs/s', 'higher'), [perSecond]),
    fromRounds(ours, of('memory of the process', 'MiB', 'lower'), [numberOf(parked, 'rssMiB')]),
    fromSamples(ours, of('late, p50', 'ms', 'lower'), [late], 0.5),
    fromSamples(ours, of('late, p99', 'ms', 'lower'), [late], 0.99),
    fromSamples(ours, of('late, at most', 'ms', 'lower'), [late], 1),
  ];
}

/**
 * B6. How long it takes from the call that starts a job to the first line of its handler while
 * nothing else goes on: the commit, the wake-up and the claim. One at a time, with a pause between.
 * Once with the caller in the process that executes, once in another.
 */
import { type Bench, numberOf, type Stage } from '../bench.ts';
import { verify } from '../case.ts';
import type { CaseProcess } from '../case-process.ts';
import { pause } from '../cases/waits.ts';
import { fromSamples, type Measure } from '../measure.ts';
import { percentile } from '../spread.ts';
import { Field } from './field.ts';
import { type Entry, peerVersions, rosterOf } from './roster.ts';
import { takeTurns } from './turns.ts';

const SLOTS = 24;
/** Lets the outcome be committed, and the executing side go back to waiting. */
const PAUSE_MS = 5;
const ARRIVAL_MS_MAX = 30_000;
/** Not counted: connections are opened and code is compiled. */
const WARM_UPS = 20;

const PERCENTILES = [
  ['p50', 0.5],
  ['p99', 0.99],
  ['longest', 1],
] as const;
const WHENCE = ['same process', 'other process'] as const;

export const postgresLatency: Bench = {
  name: 'postgres-latency',
  about: 'idle start-to-handler latency, 1,000 samples, from the same and from another process',
  ...{ group: 'postgres', words: ['b6', 'latency'], peers: peerVersions, run },
};

type Round = Readonly<Record<(typeof WHENCE)[number], readonly number[]>>;

async function run(stage: Stage): Promise<readonly Measure[]> {
  const field = await Field.open(stage);
  const entries = rosterOf(stage.only);
  const count = stage.size(200, 50);
  const played = await takeTurns(stage, entries, stage.size(5, 2), async (entry, round) => {
    const one = await play(field, entry, count);
    const [same, other] = WHENCE.map((whence) => percentile(one[whence], 0.5).toFixed(1));
    stage.say(`round ${round}: ${entry.title}: p50 ${same} and ${other} ms`);
    return one;
  });
  return [...played].flatMap(([entry, rounds]) =>
    WHENCE.flatMap((whence) =>
      PERCENTILES.map(([name, p]) =>
        fromSamples(
          entry,
          { name: `${whence}, ${name}`, unit: 'ms', better: 'lower' },
          rounds.map((round) => round[whence]),
          p,
        ),
      ),
    ),
  );
}

async function play(field: Field, entry: Entry, count: number): Promise<Round> {
  const ground = await field.ground(entry);
  const { place } = ground;
  const node = await field.seat(entry, 0);
  const other = await field.seat(entry, 1);
  await node.ask({ do: 'work', place, slots: SLOTS, style: 'latency', telling: 'lives' });
  const round: Record<string, readonly number[]> = {};
  for (const whence of WHENCE) {
    const starter = whence === 'same process' ? node : other;
    await starter.ask({ do: 'produce', place, style: 'latency' });
    await sample(node, starter, WARM_UPS);
    round[whence] = await sample(node, starter, count);
    await starter.ask({ do: 'produced' });
  }
  await node.ask({ do: 'worked' });
  await ground.drop();
  return round as Round;
}

/** One job after another, each awaited. */
async function sample(node: CaseProcess, starter: CaseProcess, count: number) {
  const waits: number[] = [];
  let arrived: (afterMs: number) => void = () => {};
  const unheard = node.onEvent((event) => {
    if (event.afterMs !== undefined) arrived(numberOf(event, 'afterMs'));
  });
  for (let n = 0; n < count; n += 1) {
    const arrival = new Promise<number>((resolve, reject) => {
      const late = () => reject(new Error(`no handler began within ${ARRIVAL_MS_MAX} ms`));
      const deadline = setTimeout(late, ARRIVAL_MS_MAX);
      arrived = (afterMs) => {
        clearTimeout(deadline);
        resolve(afterMs);
      };
    });
    await starter.ask({ do: 'add-one' });
    waits.push(await arrival);
    await pause(PAUSE_MS);
  }
  unheard();
  verify(waits.length === count, `${count} jobs arrived`);
  return waits;
}

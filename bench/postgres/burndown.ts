/**
 * B1. How fast one and two processes with 24 slots each work off jobs that do nothing and were
 * inserted before, with nobody at work: from the first line of the first handler to the commit of
 * the last outcome. What it writes and commits meanwhile is read from the server's books.
 *
 * U1 An unbatched contestant that is not done after 6 s is measured by what it did until then, out
 *    of the same backlog.
 * U2 All ran once and all ended; ours is asked for results as well.
 */
import type { Bench, Stage } from '../bench.ts';
import { verify } from '../case.ts';
import type { CaseProcess } from '../case-process.ts';
import { fromRounds, type Measure, type Metric } from '../measure.ts';
import type { Place } from './contestant.ts';
import { Field } from './field.ts';
import { ranOnce } from './progress.ts';
import { type Entry, peerVersions, rosterOf } from './roster.ts';
import { takeTurns } from './turns.ts';
import { insert, workOff } from './work-off.ts';

const SLOTS = 24;
const PROCESSES = [1, 2] as const;
const BATCHED_MS_MAX = 120_000;

export const postgresBurndown: Bench = {
  name: 'postgres-burndown',
  about: '200,000 no-op runs inserted before (unbatched peers 20,000), 1 and 2 processes x 24',
  ...{ group: 'postgres', words: ['b1', 'burndown'], peers: peerVersions, run },
};

interface Round {
  readonly processes: number;
  readonly perSecond: number;
  readonly walBytes: number | null;
  readonly commits: number | null;
}

async function run(stage: Stage): Promise<readonly Measure[]> {
  const field = await Field.open(stage);
  const entries = rosterOf(stage.only);
  const inserted = new Map<Entry, number>();
  const played = await takeTurns(stage, entries, stage.size(5, 2), async (entry, round) => {
    const burned: Round[] = [];
    for (const processes of PROCESSES) {
      const one = await burn(field, entry, processes, inserted);
      burned.push(one);
      stage.say(`round ${round}: ${entry.title} x ${processes}: ${one.perSecond} runs/s`);
    }
    return burned;
  });
  return [...played].flatMap(([entry, rounds]) => measuresOf(entry, rounds.flat(), inserted));
}

async function burn(
  field: Field,
  entry: Entry,
  processes: number,
  inserted: Map<Entry, number>,
): Promise<Round> {
  const { stage } = field;
  const jobs = entry.batched ? stage.size(200_000, 10_000) : stage.size(20_000, 2_000);
  const ground = await field.ground(entry, async (place) => {
    inserted.set(entry, await insert(await field.seat(entry, 0), place, jobs));
  });
  const seats: CaseProcess[] = [];
  for (let number = 0; number < processes; number += 1) seats.push(await field.seat(entry, number));
  const { place } = ground;
  const msMax = entry.batched ? BATCHED_MS_MAX : stage.size(6_000, 4_000);
  const terms = { slots: SLOTS, jobs, msMax };
  const { done, seconds } = await workOff(seats, place, terms);
  const books = await ground.books();
  const ran = ranOnce(await Promise.all(seats.map((seat) => seat.ask({ do: 'executed' }))));
  if (done === jobs) await verifyAll(seats, place, jobs, ran);
  await ground.drop();
  return {
    ...{ processes, perSecond: Math.round(done / seconds) },
    walBytes: books === null ? null : books.walBytes / ran,
    commits: books === null ? null : books.commits / ran,
  };
}

async function verifyAll([seat]: readonly CaseProcess[], place: Place, jobs: number, ran: number) {
  verify(ran === jobs, `${jobs} handlers ran, found ${ran}`);
  const { waiting, active, ended } = (await seat?.ask({ do: 'survey', place })) ?? {};
  verify(waiting === 0 && active === 0, `nothing is left, found ${waiting} and ${active}`);
  verify(ended === null || ended === jobs, `${jobs} outcomes are kept, found ${ended}`);
}

function measuresOf(
  entry: Entry,
  rounds: readonly Round[],
  inserted: ReadonlyMap<Entry, number>,
): readonly Measure[] {
  const of = (
    metric: Metric,
    processes: number,
    pick: (round: Round) => number | null,
  ): readonly Measure[] => {
    const own = rounds.filter((round) => round.processes === processes);
    const values = own.flatMap((round) => pick(round) ?? []);
    return values.length === 0 ? [] : [fromRounds(entry, metric, values)];
  };
  const rate = (name: string): Metric => ({ name, unit: 'runs/s', better: 'higher' });
  const cost = (name: string, unit: string): Metric => ({ name, unit, better: 'lower' });
  const bulk = inserted.get(entry);
  return [
    ...of(rate('burn-down, 1 process'), 1, ({ perSecond }) => perSecond),
    ...of(rate('burn-down, 2 processes'), 2, ({ perSecond }) => perSecond),
    ...of(cost('log written, 1 process', 'bytes/run'), 1, ({ walBytes }) => walBytes),
    ...of(cost('commits, 1 process', 'commits/run'), 1, ({ commits }) => commits),
    ...(bulk === undefined ? [] : [fromRounds(entry, rate('inserted before'), [bulk])]),
  ];
}

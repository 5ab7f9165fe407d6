/**
 * How fast one process with 100 slots works off runs of one step and of ten steps that were
 * inserted before: from the first line of the first last step to the commit of the last outcome.
 * Steps do nothing, one after the other; each is kept before the next begins. Ours on the embedded
 * store and on Postgres, DBOS with workflows of as many steps out of its queue on the same
 * Postgres, also 100 at once.
 *
 * U1 An unbatched contestant that is not done in time is measured by what it did until then, out of
 *    the same backlog.
 * U2 All ran once and all ended; ours is asked for results as well.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, Stage } from './bench.ts';
import { verify } from './case.ts';
import type { CaseProcess } from './case-process.ts';
import { fromRounds, type Measure } from './measure.ts';
import type { Place } from './postgres/contestant.ts';
import { Field } from './postgres/field.ts';
import { ranOnce } from './postgres/progress.ts';
import { type Entry, peerVersions, rosterOf } from './postgres/roster.ts';
import { takeTurns } from './postgres/turns.ts';
import { insert, workOff } from './postgres/work-off.ts';
import type { Peers } from './result.ts';

const SLOTS = 100;
const COUNTS = [1, 10] as const;
const BATCHED_MS_MAX = 120_000;

export const steps: Bench = {
  name: 'steps',
  about: 'runs of 1 and 10 steps inserted before, 1 process x 100, on SQLite and Postgres',
  ...{ peers, run },
};

const isHere = ({ side }: Entry): boolean => side === 'ours' || side === 'dbos';

function peers(): Peers {
  const { dbos } = peerVersions();
  if (dbos === undefined) return {};
  const settings =
    'a queue of workflows with 1 or 10 steps, workerConcurrency 100, minPollingIntervalMs 50, ' +
    'a pool of 20; results kept';
  return { dbos: { ...dbos, settings } };
}

interface Round {
  readonly metric: string;
  readonly perSecond: number;
}

async function run(stage: Stage): Promise<readonly Measure[]> {
  const field = await Field.open(stage);
  const entries = rosterOf(stage.only, isHere);
  const played = await takeTurns(stage, entries, stage.size(5, 2), async (entry, round) => {
    const rounds: Round[] = [];
    for (const count of COUNTS) {
      if (entry.side === 'ours') rounds.push(await onSqlite(field, entry, count));
      rounds.push(await onPostgres(field, entry, count));
    }
    for (const { metric, perSecond } of rounds) {
      stage.say(`round ${round}: ${entry.title}, ${metric}: ${perSecond} runs/s`);
    }
    return rounds;
  });
  return [...played].flatMap(([entry, rounds]) => measuresOf(entry, rounds.flat()));
}

/** Fewer of the runs that take longer. */
function jobsOf(stage: Stage, { batched }: Entry, count: number): number {
  const jobs = batched ? stage.size(20_000, 2_000) : stage.size(4_000, 1_000);
  return Math.round(jobs / (count === 1 ? 1 : 4));
}

const wordOf = (count: number): string => (count === 1 ? '1 step' : `${count} steps`);

async function onPostgres(field: Field, entry: Entry, count: number): Promise<Round> {
  const { stage } = field;
  const jobs = jobsOf(stage, entry, count);
  const seat = await field.seat(entry, 0);
  const ground = await field.ground(
    entry,
    async (place) => {
      await insert(seat, place, jobs);
    },
    wordOf(count),
  );
  const perSecond = await burn(stage, entry, { seat, place: ground.place, jobs, count });
  await ground.drop();
  return { metric: `Postgres, ${wordOf(count)}`, perSecond };
}

async function onSqlite(field: Field, entry: Entry, count: number): Promise<Round> {
  const { stage } = field;
  const jobs = jobsOf(stage, entry, count);
  const seat = await field.seat(entry, 0);
  const url = join(stage.dir, `steps-${entry.durability}-${count}.db`);
  const place = { url, durability: entry.durability };
  await seat.ask({ do: 'prepare', place });
  await insert(seat, place, jobs);
  const perSecond = await burn(stage, entry, { seat, place, jobs, count });
  for (const end of ['', '-wal', '-shm', '-bus'])
    rmSync(url + end, { recursive: true, force: true });
  return { metric: `SQLite, ${wordOf(count)}`, perSecond };
}

async function burn(
  stage: Stage,
  { batched }: Entry,
  given: {
    readonly seat: CaseProcess;
    readonly place: Place;
    readonly jobs: number;
    readonly count: number;
  },
): Promise<number> {
  const { seat, place, jobs, count } = given;
  const msMax = batched ? BATCHED_MS_MAX : stage.size(10_000, 5_000);
  const terms = { slots: SLOTS, jobs, msMax, steps: count };
  const { done, seconds } = await workOff([seat], place, terms);
  const ran = ranOnce([await seat.ask({ do: 'executed' })]);
  if (done === jobs) {
    verify(ran === jobs, `${jobs} last steps ran, found ${ran}`);
    const { waiting, active, ended } = await seat.ask({ do: 'survey', place });
    verify(waiting === 0 && active === 0, `nothing is left, found ${waiting} and ${active}`);
    verify(ended === jobs, `${jobs} outcomes are kept, found ${ended}`);
  }
  return Math.round(done / seconds);
}

function measuresOf(entry: Entry, rounds: readonly Round[]): readonly Measure[] {
  const names = [...new Set(rounds.map(({ metric }) => metric))].sort();
  return names.map((name) => {
    const values = rounds.filter(({ metric }) => metric === name);
    const metric = { name, unit: 'runs/s', better: 'higher' } as const;
    return fromRounds(
      entry,
      metric,
      values.map(({ perSecond }) => perSecond),
    );
  });
}

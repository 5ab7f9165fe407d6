/**
 * B2. How fast single jobs are accepted, by 50 callers at once who each wait for their own, and by
 * one caller after another. Nothing executes meanwhile.
 */
import { type Bench, numberOf, numbersOf, type Stage } from '../bench.ts';
import { type Answer, verify } from '../case.ts';
import type { CaseProcess } from '../case-process.ts';
import { fromRounds, fromSamples, type Measure, type Metric } from '../measure.ts';
import type { Place } from './contestant.ts';
import { Field } from './field.ts';
import { type Entry, peerVersions, rosterOf } from './roster.ts';
import { takeTurns } from './turns.ts';

const CALLERS = 50;
const WARM_UP_MS = 500;

export const postgresStarts: Bench = {
  name: 'postgres-starts',
  about: 'single starts a second, 50 callers at once and one after another',
  ...{ group: 'postgres', words: ['b2', 'starts'], peers: peerVersions, run },
};

interface Round {
  readonly parallel: Answer;
  readonly sequential: Answer;
  readonly commits: number | null;
  readonly walBytes: number | null;
}

async function run(stage: Stage): Promise<readonly Measure[]> {
  const field = await Field.open(stage);
  const entries = rosterOf(stage.only);
  const played = await takeTurns(stage, entries, stage.size(5, 2), async (entry, round) => {
    const one = await play(field, entry);
    const rates = [one.parallel, one.sequential].map((answer) => Math.round(perSecond(answer)));
    stage.say(`round ${round}: ${entry.title}: ${rates.join(' and ')} starts/s`);
    return one;
  });
  return [...played].flatMap(([entry, rounds]) => measuresOf(entry, rounds));
}

async function play(field: Field, entry: Entry): Promise<Round> {
  const ms = field.stage.size(1_500, 1_000);
  const ground = await field.ground(entry);
  const { place } = ground;
  const seat = await field.seat(entry, 0);
  const many = await callAtOnce(seat, place, CALLERS, ms);
  const books = await ground.books();
  const one = await callAtOnce(seat, place, 1, ms);
  const accepted = many.accepted + one.accepted;
  const { waiting } = await seat.ask({ do: 'survey', place });
  verify(waiting === accepted, `${accepted} jobs wait, found ${waiting}`);
  await ground.drop();
  return {
    ...{ parallel: many.answer, sequential: one.answer },
    commits: books === null ? null : books.commits / many.accepted,
    walBytes: books === null ? null : books.walBytes / many.accepted,
  };
}

/** The first of them open connections and have code compiled: they are not measured. */
async function callAtOnce(seat: CaseProcess, place: Place, callers: number, ms: number) {
  await seat.ask({ do: 'produce', place, style: 'throughput' });
  const warm = await seat.ask({ do: 'add-at-once', callers, ms: WARM_UP_MS });
  const answer = await seat.ask({ do: 'add-at-once', callers, ms });
  await seat.ask({ do: 'produced' });
  return { answer, accepted: countOf(warm) + countOf(answer) };
}

const countOf = (answer: Answer): number => numbersOf(answer, 'ms').length;
const perSecond = (answer: Answer): number => countOf(answer) / numberOf(answer, 'seconds');

function measuresOf(entry: Entry, rounds: readonly Round[]): readonly Measure[] {
  const kinds = [
    [`${CALLERS} at once`, 'parallel'],
    ['one after another', 'sequential'],
  ] as const;
  const cost = (name: string, unit: string, pick: (round: Round) => number | null) => {
    const values = rounds.flatMap((round) => pick(round) ?? []);
    const metric: Metric = { name, unit, better: 'lower' };
    return values.length === 0 ? [] : [fromRounds(entry, metric, values)];
  };
  return [
    ...kinds.flatMap(([name, kind]) => {
      const rates = rounds.map((round) => perSecond(round[kind]));
      const waits = rounds.map((round) => numbersOf(round[kind], 'ms'));
      const wait = (p: string): Metric => ({ name: `${name}, ${p}`, unit: 'ms', better: 'lower' });
      return [
        fromRounds(entry, { name, unit: 'starts/s', better: 'higher' }, rates, waits.flat().length),
        fromSamples(entry, wait('p50'), waits, 0.5),
        fromSamples(entry, wait('p99'), waits, 0.99),
      ];
    }),
    ...cost('commits, 50 at once', 'commits/start', ({ commits }) => commits),
    ...cost('log written, 50 at once', 'bytes/start', ({ walBytes }) => walBytes),
  ];
}

/**
 * How fast single runs are accepted: by 50 callers at once, who each wait for their own, and by
 * one caller after another. Nothing executes meanwhile.
 */
import { type Bench, interleave, numberOf, numbersOf, type Stage } from './bench.ts';
import { fromRounds, fromSamples, type Measure } from './measure.ts';

const CALLERS = 50;

export const starts: Bench = {
  name: 'starts',
  about: 'single starts a second, 50 callers at once and one after another',
  run,
};

async function run(stage: Stage): Promise<readonly Measure[]> {
  const parallel = { callers: CALLERS, count: stage.size(20_000, 5_000) };
  const sequential = { callers: 1, count: stage.size(2_000, 500) };
  const players = await stage.openAll('starts');
  const counts = { rounds: stage.size(5, 2), warmUps: 1 };
  const played = await interleave(stage, players, counts, async ({ process }) => ({
    parallel: await process.ask(parallel),
    sequential: await process.ask(sequential),
  }));
  return players.flatMap((player) => {
    const rounds = played.get(player) ?? [];
    const rate = (name: string, count: number, seconds: readonly number[]) =>
      fromRounds(
        player,
        { name, unit: 'starts/s', better: 'higher' },
        seconds.map((each) => count / each),
        count * seconds.length,
      );
    const secondsOf = (kind: 'parallel' | 'sequential') =>
      rounds.map((round) => numberOf(round[kind], 'seconds'));
    const waits = (kind: 'parallel' | 'sequential', name: string, p: number) =>
      fromSamples(
        player,
        { name, unit: 'ms', better: 'lower' },
        rounds.map((round) => numbersOf(round[kind], 'ms')),
        p,
      );
    return [
      rate(`single starts, ${CALLERS} at once`, parallel.count, secondsOf('parallel')),
      waits('parallel', `wait of one of ${CALLERS}, p50`, 0.5),
      waits('parallel', `wait of one of ${CALLERS}, p99`, 0.99),
      rate('single starts, one after another', sequential.count, secondsOf('sequential')),
      waits('sequential', 'wait of the only one, p50', 0.5),
      waits('sequential', 'wait of the only one, p99', 0.99),
    ];
  });
}

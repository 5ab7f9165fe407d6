/**
 * How long one process takes to work off runs that do nothing and were inserted before: from the
 * word "go" to the moment when the last outcome is committed. Results are kept, on both sides;
 * ours checks a fence with each.
 */
import { type Bench, interleave, numberOf, type Player, type Stage } from './bench.ts';
import { fromRounds, type Measure } from './measure.ts';

/** How many handlers at once. */
const CONCURRENCIES = [24, 100] as const;

export const burndown: Bench = {
  name: 'burndown',
  about: '20,000 no-op runs inserted before, 1 process, 24 and 100 at once',
  run,
};

async function run(stage: Stage): Promise<readonly Measure[]> {
  const runs = stage.size(20_000, 4_000);
  const players = await stage.openAll('burndown');
  const counts = { rounds: stage.size(5, 2), warmUps: 1 };
  const played = await interleave(stage, players, counts, (player) => playAll(player, runs));
  return players.flatMap((player) => {
    const rounds = (played.get(player) ?? []).flat();
    const burned = CONCURRENCIES.map((concurrency) => {
      const metric = { name: `burn-down, ${concurrency} at once`, unit: 'runs/s' } as const;
      const own = rounds.filter((round) => round.concurrency === concurrency);
      const rates = own.map((round) => runs / round.seconds);
      return fromRounds(player, { ...metric, better: 'higher' }, rates, runs * rates.length);
    });
    const inserted = rounds.map((round) => runs / round.insertSeconds);
    const bulk = {
      name: 'inserted before, 1,000 a call',
      unit: 'runs/s',
      better: 'higher',
    } as const;
    return [...burned, fromRounds(player, bulk, inserted, runs * inserted.length)];
  });
}

interface Round {
  readonly concurrency: number;
  readonly seconds: number;
  readonly insertSeconds: number;
}

async function playAll({ process }: Player, runs: number): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  for (const concurrency of CONCURRENCIES) {
    const answer = await process.ask({ runs, concurrency });
    const seconds = numberOf(answer, 'seconds');
    rounds.push({ concurrency, seconds, insertSeconds: numberOf(answer, 'insertSeconds') });
  }
  return rounds;
}

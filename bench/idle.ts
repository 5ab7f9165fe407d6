/**
 * What a node costs that has nothing to do: how often it asks its store, and how much of a core
 * it takes. For the peer: commands that reach its server, and the processor time of both.
 */
import { type Bench, interleave, numberOf, type Stage } from './bench.ts';
import { fromRounds, type Measure } from './measure.ts';

export const idle: Bench = {
  name: 'idle',
  about: 'an idle node: queries a second, share of a core',
  run,
};

async function run(stage: Stage): Promise<readonly Measure[]> {
  const ms = stage.size(20_000, 6_000);
  const players = await stage.openAll('idle');
  const counts = { rounds: stage.size(3, 1), warmUps: 0 };
  const played = await interleave(stage, players, counts, ({ process }) => process.ask({ ms }));
  return players.flatMap((player) => {
    const rounds = played.get(player) ?? [];
    const queries = { name: 'queries', unit: 'queries/s', better: 'lower' } as const;
    const cpu = { name: 'share of a core', unit: '%', better: 'lower' } as const;
    return [
      fromRounds(
        player,
        queries,
        rounds.map((round) => (numberOf(round, 'queries') / ms) * 1e3),
      ),
      fromRounds(
        player,
        cpu,
        rounds.map((round) => (numberOf(round, 'cpuMs') / ms) * 100),
      ),
    ];
  });
}

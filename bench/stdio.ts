/**
 * How many calls a plugin answers over its pipes: a process of its own, `holdfast stdio`, with a
 * window of 1,000 calls under way, and one after another.
 */
import { type Bench, interleave, numberOf, numbersOf, type Player, type Stage } from './bench.ts';
import { fromRounds, fromSamples, type Measure } from './measure.ts';

export const stdio: Bench = {
  name: 'stdio',
  about: 'no-op calls of an agent over standard input and output, one process',
  storeless: true,
  peers: () => ({}),
  run,
};

async function run(stage: Stage): Promise<readonly Measure[]> {
  const process = await stage.openCase('stdio-ours', {}, 'holdfast');
  const player: Player = { side: 'ours', durability: 'relaxed', process };
  const counts = { rounds: stage.size(5, 2), warmUps: 1 };
  const count = stage.size(200_000, 20_000);
  const played = await interleave(stage, [player], counts, async () => ({
    window: await process.ask({ do: 'call', count, window: 1_000 }),
    one: await process.ask({ do: 'call', count: count / 20, window: 1 }),
  }));
  const rounds = played.get(player) ?? [];
  const us = { unit: 'us', better: 'lower' } as const;
  const latencies = rounds.map(({ one }) => numbersOf(one, 'us'));
  return [
    fromRounds(
      player,
      { name: '1,000 under way', unit: 'calls/s', better: 'higher' },
      rounds.map(({ window }) => numberOf(window, 'perSecond')),
    ),
    fromSamples(player, { name: 'one after another, p50', ...us }, latencies, 0.5),
    fromSamples(player, { name: 'one after another, p99', ...us }, latencies, 0.99),
  ];
}

/**
 * How long it takes from the call of `start` to the first line of the handler while nothing else
 * goes on: the commit, the wake-up and the claim. One at a time, with a pause between, so that
 * everything is idle. Once with the caller in the process that executes, once in another process.
 */
import { type Bench, interleave, numbersOf, type Player, type Stage } from './bench.ts';
import { fromSamples, type Measure, type Metric } from './measure.ts';

const PERCENTILES = [
  ['p50', 0.5],
  ['p95', 0.95],
  ['p99', 0.99],
  ['longest', 1],
] as const;

export const latency: Bench = {
  name: 'latency',
  about: 'idle start-to-handler latency, 1,000 samples, from the same and from another process',
  run,
};

async function run(stage: Stage): Promise<readonly Measure[]> {
  const rounds = stage.size(5, 2);
  const count = stage.size(1_000, 200) / rounds;
  const nodes = await stage.openAll('latency');
  const starters = new Map<Player, Player>();
  for (const node of nodes) {
    const params = await node.process.ask({ do: 'place' });
    const name = `latency-${node.side}`;
    starters.set(node, await stage.open(name, node, { ...params, starterOnly: true }));
  }
  const played = await interleave(stage, nodes, { rounds, warmUps: 1 }, async (node) => {
    await node.process.ask({ do: 'start', count });
    const same = numbersOf(await node.process.ask({ do: 'collect', count }), 'ms');
    await starters.get(node)?.process.ask({ do: 'start', count });
    const other = numbersOf(await node.process.ask({ do: 'collect', count }), 'ms');
    return { same, other };
  });
  return nodes.flatMap((node) => {
    const rounds = played.get(node) ?? [];
    const metric = (name: string): Metric => ({ name, unit: 'ms', better: 'lower' });
    return [
      ...PERCENTILES.map(([name, p]) =>
        fromSamples(
          node,
          metric(`same process, ${name}`),
          rounds.map((round) => round.same),
          p,
        ),
      ),
      ...PERCENTILES.map(([name, p]) =>
        fromSamples(
          node,
          metric(`other process, ${name}`),
          rounds.map((round) => round.other),
          p,
        ),
      ),
    ];
  });
}

/**
 * How long a part takes from `ctx.emit` in one process to a reader in another, with many streams at
 * once: each run emits a part a second, each at its own moment, and each has a reader. Checked:
 * every reader got every part once, in order.
 */
import { type Bench, interleave, numbersOf, type Player, type Stage } from './bench.ts';
import { durabilities, fromSamples, type Measure } from './measure.ts';

const PERCENTILES = [
  ['p50', 0.5],
  ['p95', 0.95],
  ['p99', 0.99],
  ['longest', 1],
] as const;

const EVERY_MS = 1_000;

export const streams: Bench = {
  name: 'streams',
  about: 'from emit to a reader in another process, 1,000 streams of a part a second at once',
  ...{ peers: () => ({}), run },
};

async function run(stage: Stage): Promise<readonly Measure[]> {
  const count = stage.size(1_000, 100);
  const parts = stage.size(10, 5);
  const nodes: Player[] = [];
  const readers = new Map<Player, Player>();
  for (const durability of durabilities) {
    const subject = { side: 'ours', durability } as const;
    const node = await stage.open('streams-ours', subject);
    nodes.push(node);
    const place = await node.process.ask({ do: 'place' });
    readers.set(node, await stage.open('streams-ours', subject, { ...place, reads: true }));
  }
  const played = await interleave(stage, nodes, { rounds: 3, warmUps: 1 }, async (node) => {
    const ask = { do: 'read', count, parts, everyMs: EVERY_MS };
    const reader = readers.get(node);
    return reader === undefined ? [] : numbersOf(await reader.process.ask(ask), 'ms');
  });
  return nodes.flatMap((node) =>
    PERCENTILES.map(([name, p]) =>
      fromSamples(
        node,
        { name: `part latency, ${name}`, unit: 'ms', better: 'lower' },
        played.get(node) ?? [],
        p,
      ),
    ),
  );
}

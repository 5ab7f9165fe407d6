/**
 * Whether handing out a run gets dearer with what the store holds: claims with their ends, in
 * batches of 50, on a store with 1,000,000 finished and 1,000,000 waiting runs, and on one that
 * holds no more than the runs of its own rounds. Ours is measured at the store port; the peer
 * with a worker of concurrency 50, on one server whose `appendfsync` is switched between the
 * classes, because building its two million jobs takes minutes.
 */
import { type Bench, interleave, numberOf, type Player, type Stage } from './bench.ts';
import { durabilities, fromRounds, type Measure, type Metric } from './measure.ts';

const BATCH_RUNS = 50;

export const claimCost: Bench = {
  name: 'claim-cost',
  about: 'claim and end with 1,000,000 finished and 1,000,000 waiting runs, against an empty store',
  run,
};

async function run(stage: Stage): Promise<readonly Measure[]> {
  const rows = stage.size(1_000_000, 20_000);
  const players: Player[] = [];
  for (const side of stage.sides) {
    const module = `claim-cost-${side}`;
    const [builder, sharer] = [
      { side, durability: 'relaxed' } as const,
      { side, durability: 'full' } as const,
    ];
    const server = side === 'bullmq' ? { redis: { ...(await stage.redis('relaxed')) } } : {};
    const first = await stage.open(module, builder, server);
    stage.say(`${side}: building ${rows} finished and ${rows} waiting`);
    const place = await first.process.ask({ do: 'build', rows });
    players.push(first, await stage.open(module, sharer, { ...server, ...place }));
  }
  const runs = stage.size(5_000, 1_000);
  const counts = { rounds: stage.size(7, 3), warmUps: 1 };
  const played = await interleave(stage, players, counts, async ({ process }) => {
    const answer = await process.ask({ do: 'measure', runs, batch: BATCH_RUNS });
    return { empty: numberOf(answer, 'emptyUs'), grown: numberOf(answer, 'grownUs') };
  });
  for (const side of stage.sides) await check(players.filter((player) => player.side === side));
  return durabilities.flatMap((durability) =>
    players
      .filter((player) => player.durability === durability)
      .flatMap((player) => toMeasures(player, played.get(player) ?? [])),
  );
}

/** The two processes of a side share the grown store: what it holds is the work of both. */
async function check(sharers: readonly Player[]): Promise<void> {
  const sum = { inserted: 0, ended: 0 };
  for (const { process } of sharers) {
    const tally = await process.ask({ do: 'tally' });
    sum.inserted += numberOf(tally, 'inserted');
    sum.ended += numberOf(tally, 'ended');
  }
  await sharers[0]?.process.ask({ do: 'check', ...sum });
}

function toMeasures(
  player: Player,
  rounds: readonly { readonly empty: number; readonly grown: number }[],
): readonly Measure[] {
  const metric = (name: string, unit: string): Metric => ({ name, unit, better: 'lower' });
  return [
    fromRounds(
      player,
      metric('claim and end, empty store', 'us/run'),
      rounds.map(({ empty }) => empty),
    ),
    fromRounds(
      player,
      metric('claim and end, grown store', 'us/run'),
      rounds.map(({ grown }) => grown),
    ),
    fromRounds(
      player,
      metric('cost against an empty store', 'times'),
      rounds.map(({ empty, grown }) => grown / empty),
    ),
  ];
}

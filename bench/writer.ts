/**
 * Where the writer should live: how long the event loop that runs handlers stands still while
 * 5,000 single starts a second are committed, with the writer on a thread of its own (as it is),
 * with the very same code on the main thread, and with nothing written at all. Ours alone: it is
 * a decision about us.
 */
import { type Bench, interleave, numberOf, type Player, type Stage } from './bench.ts';
import { durabilities, fromRounds, type Measure, type Metric } from './measure.ts';

const STARTS_PER_SECOND = 5_000;
const PLACES = ['thread', 'main', 'nothing'] as const;

const placeNames: Readonly<Record<(typeof PLACES)[number], string>> = {
  thread: 'writer on its thread',
  main: 'writer on the main thread',
  nothing: 'nothing written',
};

export const writer: Bench = {
  name: 'writer',
  about: 'stalls of the event loop at 5,000 starts/s: writer on a thread, on the main thread',
  run,
};

async function run(stage: Stage): Promise<readonly Measure[]> {
  const players: Player[] = [];
  for (const durability of durabilities) {
    players.push(await stage.open('writer-ours', { side: 'ours', durability }));
  }
  const load = { perSecond: STARTS_PER_SECOND, ms: stage.size(5_000, 1_500) };
  const counts = { rounds: stage.size(5, 2), warmUps: 1 };
  const played = await interleave(stage, players, counts, async ({ process }) => {
    const round = new Map<string, { stallMs: number; longestMs: number; rate: number }>();
    for (const place of PLACES) {
      const answer = await process.ask({ ...load, place });
      round.set(place, {
        stallMs: numberOf(answer, 'p99Ms'),
        longestMs: numberOf(answer, 'longestMs'),
        rate: numberOf(answer, 'acceptedPerSecond'),
      });
    }
    return round;
  });
  return players.flatMap((player) =>
    PLACES.flatMap((place) => {
      const rounds = (played.get(player) ?? []).flatMap((round) => round.get(place) ?? []);
      const metric = (name: string, unit: string, better: Metric['better']): Metric => ({
        ...{ name: `${placeNames[place]}: ${name}`, unit, better },
      });
      const stalls = [
        fromRounds(
          player,
          metric('stall, p99', 'ms', 'lower'),
          rounds.map(({ stallMs }) => stallMs),
        ),
        fromRounds(
          player,
          metric('stall, longest', 'ms', 'lower'),
          rounds.map(({ longestMs }) => longestMs),
        ),
      ];
      if (place === 'nothing') return stalls;
      const accepted = metric('accepted', 'starts/s', 'higher');
      return [
        ...stalls,
        fromRounds(
          player,
          accepted,
          rounds.map(({ rate }) => rate),
        ),
      ];
    }),
  );
}

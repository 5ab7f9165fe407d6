/**
 * What a call costs: one no-op after another beside the plain function that it calls, and many at
 * once through lanes, beside queues with one worker for each key. Nothing is kept anywhere, on any
 * side.
 *
 * C1 All sides call the same function the same way: 1,000 callers, each with one call under way.
 * C2 The overhead is taken within a round, from sides that were measured one right after the other.
 */
import { type Bench, interleave, numberOf, numbersOf, type Player, type Stage } from './bench.ts';
import { packageVersion } from './machine.ts';
import { fromRounds, fromSamples, type Measure, type Side } from './measure.ts';
import type { Peers } from './result.ts';

const SIDES = ['plain', 'ours', 'fastq', 'p-queue'] as const satisfies readonly Side[];
const LANES = [1, 100, 10_000, 100_000] as const;

export const calls: Bench = {
  name: 'calls',
  about: 'no-op calls in one process, one after another and at once through 1 to 100,000 lanes',
  storeless: true,
  ...{ peers, run },
};

function peers(): Peers {
  const here = {
    server: 'nothing',
    settings: 'a queue with concurrency 1 for each lane, in a Map',
  };
  return {
    plain: { version: process.versions.node, server: 'nothing', settings: 'awaited, no lanes' },
    fastq: { version: packageVersion('fastq'), ...here },
    'p-queue': { version: packageVersion('p-queue'), ...here },
  };
}

interface Round {
  readonly nsEach: number;
  readonly bytesEach: number;
  /** By lanes: calls a second, and samples of single calls in µs. */
  readonly lanes: ReadonlyMap<
    number,
    { readonly perSecond: number; readonly us: readonly number[] }
  >;
}

const wordOf = (side: Side): string => (side === 'ours' ? 'holdfast' : side);

async function run(stage: Stage): Promise<readonly Measure[]> {
  const { only } = stage;
  const sides = SIDES.filter((side) => only.length === 0 || only.includes(wordOf(side)));
  const players: Player[] = [];
  for (const side of sides) {
    const process = await stage.openCase(`calls-${side}`, {}, wordOf(side));
    players.push({ side, durability: 'relaxed', process });
  }
  const counts = { rounds: stage.size(7, 3), warmUps: 1 };
  const played = await interleave(stage, players, counts, (player) => playRound(stage, player));
  const plain = [...played].find(([{ side }]) => side === 'plain')?.[1] ?? null;
  return [...played].flatMap(([player, rounds]) => measuresOf(player, rounds, plain));
}

async function playRound(stage: Stage, { process, side }: Player): Promise<Round> {
  const count = stage.size(400_000, 40_000);
  const one = await process.ask({ do: 'one', count });
  const lanes = new Map<number, { perSecond: number; us: readonly number[] }>();
  for (const keys of side === 'plain' ? [] : LANES) {
    const answer = await process.ask({ do: 'many', count: Math.max(count, keys), keys });
    lanes.set(keys, { perSecond: numberOf(answer, 'perSecond'), us: numbersOf(answer, 'us') });
  }
  return { nsEach: numberOf(one, 'nsEach'), bytesEach: numberOf(one, 'bytesEach'), lanes };
}

function measuresOf(
  player: Player,
  rounds: readonly Round[],
  plain: readonly Round[] | null,
): readonly Measure[] {
  const lower = (name: string, unit: string, values: readonly number[]): Measure =>
    fromRounds(player, { name, unit, better: 'lower' }, values);
  const own = rounds.map(({ nsEach }) => nsEach);
  const measures = [
    lower('one after another', 'ns', own),
    lower(
      'allocated',
      'bytes',
      rounds.map(({ bytesEach }) => bytesEach),
    ),
  ];
  if (plain !== null && player.side !== 'plain') {
    const over = own.map((ns, round) => ns - (plain[round]?.nsEach ?? 0));
    measures.push(lower('over the plain function', 'ns', over));
  }
  for (const keys of LANES) {
    const of = rounds.flatMap(({ lanes }) => lanes.get(keys) ?? []);
    if (of.length === 0) continue;
    const name = keys === 1 ? '1 lane' : `${keys.toLocaleString('en')} lanes`;
    const rate = { name, unit: 'calls/s', better: 'higher' } as const;
    measures.push(
      fromRounds(
        player,
        rate,
        of.map(({ perSecond }) => perSecond),
      ),
    );
    const wait = { name: `${name}, p99`, unit: 'us', better: 'lower' } as const;
    measures.push(
      fromSamples(
        player,
        wait,
        of.map(({ us }) => us),
        0.99,
      ),
    );
  }
  if (player.side !== 'plain') measures.push(...flatness(player, rounds));
  return measures;
}

/** How much more a call costs through many lanes than through a hundred. */
function flatness(player: Player, rounds: readonly Round[]): readonly Measure[] {
  const rate = (round: Round, keys: number): number => round.lanes.get(keys)?.perSecond ?? 0;
  return [
    ['10,000 lanes over 100', 10_000],
    ['100,000 keys over 100', 100_000],
  ].map(([name, keys]) =>
    fromRounds(
      player,
      { name: String(name), unit: 'times', better: 'lower' },
      rounds.map((round) => rate(round, 100) / rate(round, Number(keys))),
    ),
  );
}

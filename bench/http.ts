/**
 * How fast runs are started over HTTP: 64 connections, each of which sends its next request when it
 * has the answer to the last. Nothing executes meanwhile. The server is a process, the client
 * another. Beside: a server that reads the same body and answers a constant, which is the limit
 * here; and two job systems behind that same server.
 *
 * U1 As many jobs wait in the end as were answered with 201, and no more than were asked for.
 */
import { type Bench, interleave, numberOf, numbersOf, type Player, type Stage } from './bench.ts';
import { verify } from './case.ts';
import type { CaseProcess } from './case-process.ts';
import { packageVersion } from './machine.ts';
import { type Durability, fromRounds, fromSamples, type Measure, type Peer } from './measure.ts';
import { Server, serverVersion } from './postgres/server.ts';
import { redisVersion } from './redis-server.ts';
import type { Peers } from './result.ts';

const CONNECTIONS = 64;

/** One server under load. */
interface Contender {
  readonly side: 'ours' | Extract<Peer, 'bare' | 'bullmq' | 'graphile'>;
  readonly durability: Durability;
  /** Of a job system: where its jobs are, which is beside whom it stands. */
  readonly store: 'file' | 'Postgres' | 'Redis' | null;
}

const contenders: readonly Contender[] = [
  { side: 'ours', durability: 'full', store: 'file' },
  { side: 'ours', durability: 'relaxed', store: 'file' },
  { side: 'ours', durability: 'full', store: 'Postgres' },
  { side: 'ours', durability: 'relaxed', store: 'Postgres' },
  { side: 'bullmq', durability: 'full', store: 'Redis' },
  { side: 'bullmq', durability: 'relaxed', store: 'Redis' },
  { side: 'graphile', durability: 'full', store: 'Postgres' },
  { side: 'bare', durability: 'full', store: null },
];

export const http: Bench = {
  name: 'http',
  about: 'starts over HTTP a second, 64 connections that each wait for their answer',
  ...{ peers, run },
};

function peers(): Peers {
  const front = `behind Hono ${packageVersion('hono')} with the body read as ours is`;
  const redis = redisVersion();
  return {
    bare: {
      ...{ version: packageVersion('hono'), server: 'node:http' },
      settings: 'reads and parses the body as ours does, and answers a constant: the limit',
    },
    graphile: {
      ...{ version: packageVersion('graphile-worker'), server: `PostgreSQL ${serverVersion()}` },
      settings: `${front}; addJob through a pool of 10`,
    },
    ...(redis === undefined
      ? {}
      : {
          bullmq: {
            ...{ version: packageVersion('bullmq'), server: `Redis ${redis}` },
            settings: `${front}; Queue.add; appendfsync always (full) or everysec (relaxed)`,
          },
        }),
  };
}

interface Round {
  readonly perSecond: number;
  readonly ms: readonly number[];
}

async function run(stage: Stage): Promise<readonly Measure[]> {
  const server = await Server.open(stage.dir);
  stage.atClear(() => server.close());
  const client = await stage.openCase('http-client', {}, 'the client');
  const players = new Map<Player, Contender>();
  for (const one of contenders.filter((each) => wanted(stage, each))) {
    const { side, durability } = one;
    const process = await stage.openCase('http-server', { side, durability }, titleOf(one));
    players.set({ side, durability, process }, one);
  }
  const counts = { rounds: stage.size(5, 2), warmUps: 1 };
  const seconds = stage.size(3, 1);
  const played = await interleave(stage, [...players.keys()], counts, async ({ process }) => {
    const one = [...players].find(([player]) => player.process === process)?.[1];
    if (one === undefined) throw new Error('the player is not known');
    const round = await play(stage, server, { one, process, client, seconds });
    stage.say(`${titleOf(one)}: ${Math.round(round.perSecond)} starts/s`);
    return round;
  });
  return [...players].flatMap(([player, one]) => measuresOf(one, played.get(player) ?? []));
}

const titleOf = ({ side, store, durability }: Contender): string =>
  store === null ? side : `${side} on ${store} (${durability})`;

function wanted({ only, sides }: Stage, { side }: Contender): boolean {
  if (side === 'bullmq' && !sides.includes('bullmq')) return false;
  return only.length === 0 || only.includes(side === 'ours' ? 'holdfast' : side);
}

async function play(
  stage: Stage,
  server: Server,
  given: {
    readonly one: Contender;
    readonly process: CaseProcess;
    readonly client: CaseProcess;
    readonly seconds: number;
  },
): Promise<Round> {
  const { one, process, client, seconds } = given;
  const { store, durability } = one;
  const database = store === 'Postgres' ? await server.create() : null;
  const place =
    store === 'Redis'
      ? { redis: { ...(await stage.redis(durability)) } }
      : { dir: stage.dir, url: database };
  const { url = '' } = await process.ask({ do: 'serve', ...place });
  const load = await client.ask({ do: 'load', url, connections: CONNECTIONS, seconds });
  const { waiting } = await process.ask({ do: 'stop' });
  if (database !== null) await server.drop(database);
  if (store !== null) {
    const [least, most] = [numberOf(load, 'answered'), numberOf(load, 'sent')];
    const found = Number(waiting);
    verify(found >= least && found <= most, `${least} to ${most} jobs wait, found ${found}`);
  }
  const ms = numbersOf(load, 'ms');
  return { perSecond: ms.length / numberOf(load, 'seconds'), ms };
}

/** Beside whom a figure stands: the file beside Redis, Postgres beside Postgres. */
const groups = { file: ['file'], Redis: ['file'], Postgres: ['Postgres'] } as const;

function measuresOf(one: Contender, rounds: readonly Round[]): readonly Measure[] {
  const names = one.store === null ? (['file', 'Postgres'] as const) : groups[one.store];
  // The limit is the same in both classes: nothing is kept.
  const classes = one.side === 'bare' ? (['full', 'relaxed'] as const) : [one.durability];
  return classes.flatMap((durability) =>
    names.flatMap((name) => {
      const subject = { side: one.side, durability };
      const wait = (p: string) => ({ name: `${name}, ${p}`, unit: 'ms', better: 'lower' }) as const;
      const samples = rounds.map(({ ms }) => ms);
      return [
        fromRounds(
          subject,
          { name: `${name}, starts`, unit: 'starts/s', better: 'higher' },
          rounds.map(({ perSecond }) => perSecond),
          samples.flat().length,
        ),
        fromSamples(subject, wait('p50'), samples, 0.5),
        fromSamples(subject, wait('p99'), samples, 0.99),
      ];
    }),
  );
}

/**
 * Owns what the parts of the benchmark play on: the server, each contestant's places on it, and the
 * processes that stand for it.
 *
 * F1 A contestant has a process of its own for each seat, for the whole part; only takeovers use
 *    them up.
 * F2 One contestant works at a time, but where a part says otherwise.
 */
import type { Stage } from '../bench.ts';
import type { Answer } from '../case.ts';
import type { CaseProcess } from '../case-process.ts';
import type { Place } from './contestant.ts';
import type { Entry } from './roster.ts';
import { type Books, Server } from './server.ts';

/** Where a contestant works for a while. */
export interface Ground {
  readonly place: Place;
  /** What the server did since this was last asked, by whoever has left; null on Redis. */
  books(): Promise<Books | null>;
  /** Statements since this was last asked, those of sessions that go on included. */
  statements(): Promise<number>;
  drop(): Promise<void>;
}

export class Field {
  readonly stage: Stage;
  readonly server: Server;
  readonly #seats = new Map<string, CaseProcess>();
  readonly #ready = new Map<string, string>();

  private constructor(stage: Stage, server: Server) {
    this.stage = stage;
    this.server = server;
  }

  static async open(stage: Stage): Promise<Field> {
    const server = await Server.open(stage.dir);
    stage.atClear(() => server.close());
    return new Field(stage, server);
  }

  /** A process of a contestant; the same number is the same process. */
  async seat(entry: Entry, number: number): Promise<CaseProcess> {
    const key = `${entry.title}/${number}`;
    const taken = this.#seats.get(key);
    if (taken !== undefined) return taken;
    const seat = await this.stranger(entry, key);
    this.#seats.set(key, seat);
    return seat;
  }

  /** A process of a contestant that nobody else gets. */
  stranger({ side, title }: Entry, name = title): Promise<CaseProcess> {
    return this.stage.openCase('postgres', { side }, name);
  }

  /**
   * A fresh place: prepared, and filled once by `fill`, which is copied from then on. Redis cannot
   * copy, so it is filled each time.
   */
  async ground(
    entry: Entry,
    fill: (place: Place) => Promise<void> = () => Promise.resolve(),
    kind = 'plain',
  ): Promise<Ground> {
    return entry.side === 'bullmq'
      ? this.#redisGround(entry, fill)
      : this.#postgresGround(entry, fill, `${entry.title}/${kind}`);
  }

  async #postgresGround(
    entry: Entry,
    fill: (place: Place) => Promise<void>,
    key: string,
  ): Promise<Ground> {
    const { durability } = entry;
    let ready = this.#ready.get(key);
    if (ready === undefined) {
      ready = await this.server.create();
      await this.#prepare(entry, { url: ready, durability });
      await fill({ url: ready, durability });
      await this.server.settle(ready);
      this.#ready.set(key, ready);
    }
    const url = await this.server.copy(ready);
    let last = await this.server.books(url);
    const since = async (): Promise<Books> => {
      const before = last;
      last = await this.server.books(url);
      return {
        walBytes: last.walBytes - before.walBytes,
        commits: last.commits - before.commits,
        statements: last.statements - before.statements,
      };
    };
    return {
      place: { url, durability },
      books: async () => {
        await this.server.untilLeft(url);
        return since();
      },
      statements: async () => (await since()).statements,
      drop: () => this.server.drop(url),
    };
  }

  async #redisGround(entry: Entry, fill: (place: Place) => Promise<void>): Promise<Ground> {
    const { host, port } = await this.stage.redis('full');
    const place: Place = { url: `redis://${host}:${port}`, durability: entry.durability };
    const flush = async () => {
      await (await this.seat(entry, 0)).ask({ do: 'flush', place });
    };
    await flush();
    await this.#prepare(entry, place);
    await fill(place);
    const none = () => Promise.reject(new Error('Redis keeps no such books'));
    return { place, books: () => Promise.resolve(null), statements: none, drop: flush };
  }

  async #prepare(entry: Entry, place: Place): Promise<Answer> {
    return (await this.seat(entry, 0)).ask({ do: 'prepare', place });
  }
}

/**
 * Owns the thread that keeps the nodes of this process alive: the entry point of a worker, started
 * by `openBeats` only. A busy event loop of the main thread does not delay a heartbeat, and neither
 * do calls that wait for a connection: it has one of its own.
 *
 * H1 A beat is one statement; between two beats nothing is asked.
 * H2 The time at which a beat was *started* is written to shared memory after its answer, so that
 *    the main thread knows it before it comes to read its messages.
 * H3 A beat that failed is tried again soon, for as long as it takes. Neither connecting nor asking
 *    lasts longer than a beat's distance or `patienceMsMin`, whichever is longer: a connection
 *    without an answer may have no other side any more.
 * H4 A refused beat ends the keeping, once and for good.
 * H5 What one beat was told of the judge's clock, the next one says, with the time since. It holds
 *    for all nodes of the process and over all connections: the store knows when it does not.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import pg from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import type { NodeKey } from '../../core/execution/run.ts';
import type { Timer } from '../../ports/clock.ts';
import { systemClock } from '../../system/clock.ts';
import {
  type AddressSecret,
  type PostgresAddress,
  parsePostgresAddress,
} from '../../system/postgres/address.ts';
import { answerWithin, connectPostgres, dropConnection } from '../../system/postgres/connect.ts';
import { faultOf, kindOf } from '../../system/postgres/faults.ts';
import { type JudgeSeen, JudgeSight } from '../judge-clock.ts';

/** The shortest patience with the server, and the longest pause after a beat that failed. */
const patienceMsMin = 2_000;
const retryMsMax = 500;
/** How long the thread waits for a goodbye when it ends. */
const goodbyeMsMax = 500;

/** What the thread is started with. Never by arguments or environment, which others can read. */
export interface BeatSetup {
  readonly address: AddressSecret;
  readonly schema: string;
}

/** A node to be kept alive. */
export interface Keeping {
  readonly keeper: number;
  readonly node: NodeKey;
  readonly everyMs: number;
  /** One 64-bit integer: nanoseconds of the monotonic clock. */
  readonly renewed: SharedArrayBuffer;
}

/** To the thread. */
export type BeatOrder =
  | ({ readonly order: 'keep' } & Keeping)
  | { readonly order: 'hurry'; readonly keeper: number }
  | { readonly order: 'drop'; readonly keeper: number }
  | { readonly order: 'close' };

/** From the thread. `trouble` and `well` come once each for an outage. */
export type BeatWord =
  | { readonly word: 'beat'; readonly keeper: number; readonly beat: string }
  | { readonly word: 'fenced'; readonly keeper: number }
  | { readonly word: 'dropped'; readonly keeper: number }
  | { readonly word: 'trouble'; readonly code: string; readonly message: string }
  | { readonly word: 'well' };

const clock = systemClock();

/** A plan made while tables were small must not scan them when they have grown. */
const plansByIndex = {
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
  // Times are numbers of which every digit counts.
  extra_float_digits: '1',
};

/** What the function of the schema gives. */
interface BeatRow extends JudgeSeen {
  readonly beat: string | null;
}

/** What the store says of a node, or null if it is no more, and when it was asked. */
interface Answer {
  readonly text: string | null;
  readonly at: number;
}

/** The connection of the thread, made when it is needed. */
class Line {
  readonly #address: PostgresAddress;
  readonly #schema: string;
  readonly #text: string;
  #client: pg.Client | null = null;
  #connecting: Promise<pg.Client> | null = null;

  constructor(address: PostgresAddress, schema: string) {
    this.#address = address;
    this.#schema = schema;
    this.#text =
      'select beat::text, judge, epoch::double precision ' +
      `from ${pg.escapeIdentifier(schema)}.beat($1, $2, $3)`;
  }

  /** One attempt: what the store answers, and when it was asked. */
  async beat({ node, everyMs }: Keeping, sight: JudgeSight): Promise<Answer> {
    const patienceMs = Math.max(everyMs, patienceMsMin);
    const client = this.#client ?? (await this.#connected(patienceMs));
    const at = clock.mono();
    try {
      const least = sight.least(at);
      const known = [node, least?.judge ?? null, least?.epoch ?? null];
      const asked = client.query<BeatRow>(this.#text, known);
      const { rows } = await answerWithin(client, clock, patienceMs, asked);
      const [row] = rows;
      if (row !== undefined) sight.answered(row, clock.mono());
      return { text: row?.beat ?? null, at };
    } catch (error) {
      // What the server refused leaves a sound connection.
      if (!(error instanceof pg.DatabaseError) || kindOf(error) === 'ambiguous') {
        dropConnection(client);
      }
      throw faultOf(error, this.#address);
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    if (client !== null) await answerWithin(client, clock, goodbyeMsMax, client.end());
  }

  #connected(patienceMs: number): Promise<pg.Client> {
    this.#connecting ??= this.#connect(patienceMs).finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #connect(patienceMs: number): Promise<pg.Client> {
    const client = await connectPostgres(this.#address, {
      applicationName: `holdfast ${this.#schema} beat`,
      connectTimeoutMs: patienceMs,
      statementTimeoutMs: patienceMs,
      settings: plansByIndex,
      pipeline: true,
    });
    this.#client = client;
    client.on('end', () => {
      if (this.#client === client) this.#client = null;
    });
    return client;
  }
}

/** The nodes of this process, each with its next beat. */
class Beating {
  readonly #line: Line;
  readonly #say: (word: BeatWord) => void;
  readonly #timers = new Map<number, Timer | null>();
  readonly #keepings = new Map<number, Keeping>();
  /** H5 */
  readonly #sight = new JudgeSight();
  #well = true;

  constructor(line: Line, say: (word: BeatWord) => void) {
    this.#line = line;
    this.#say = say;
  }

  keep(keeping: Keeping): void {
    this.#keepings.set(keeping.keeper, keeping);
    this.#timers.set(keeping.keeper, null);
    void this.#beat(keeping);
  }

  /** The next beat comes now, unless one is under way. */
  hurry(keeper: number): void {
    const timer = this.#timers.get(keeper) ?? null;
    const keeping = this.#keepings.get(keeper);
    if (timer === null || keeping === undefined) return;
    timer.cancel();
    this.keep(keeping);
  }

  drop(keeper: number): void {
    this.#timers.get(keeper)?.cancel();
    this.#timers.delete(keeper);
    this.#keepings.delete(keeper);
  }

  dropAll(): void {
    for (const keeper of [...this.#timers.keys()]) this.drop(keeper);
  }

  async #beat(keeping: Keeping): Promise<void> {
    const { keeper, everyMs, renewed } = keeping;
    let answer: Answer;
    try {
      answer = await this.#line.beat(keeping, this.#sight);
    } catch (error) {
      this.#trouble(error);
      this.#again(keeping, Math.min(everyMs, retryMsMax));
      return;
    }
    if (!this.#timers.has(keeper)) return;
    this.#recovered();
    if (answer.text === null) {
      this.drop(keeper);
      this.#say({ word: 'fenced', keeper });
      return;
    }
    Atomics.store(new BigInt64Array(renewed), 0, BigInt(Math.floor(answer.at * 1e6)));
    this.#say({ word: 'beat', keeper, beat: answer.text });
    this.#again(keeping, Math.max(0, everyMs - (clock.mono() - answer.at)));
  }

  #again(keeping: Keeping, delayMs: number): void {
    if (!this.#timers.has(keeping.keeper)) return;
    this.#timers.set(
      keeping.keeper,
      clock.after(delayMs, () => this.keep(keeping)),
    );
  }

  #trouble(error: unknown): void {
    if (!this.#well || this.#timers.size === 0) return;
    this.#well = false;
    const { code, message } =
      error instanceof HoldfastError ? error : new HoldfastError('internal.defect', String(error));
    this.#say({ word: 'trouble', code, message });
  }

  #recovered(): void {
    if (!this.#well) this.#say({ word: 'well' });
    this.#well = true;
  }
}

function start(port: MessagePort | null): void {
  if (port === null) {
    throw new HoldfastError('internal.defect', 'this file is a worker, no program');
  }
  const { address, schema } = workerData as BeatSetup;
  const line = new Line(parsePostgresAddress(address.text, address.env), schema);
  const beating = new Beating(line, (word) => port.postMessage(word));
  port.on('message', (order: BeatOrder) => {
    switch (order.order) {
      case 'keep':
        beating.keep(order);
        return;
      case 'hurry':
        beating.hurry(order.keeper);
        return;
      case 'drop':
        beating.drop(order.keeper);
        port.postMessage({ word: 'dropped', keeper: order.keeper } satisfies BeatWord);
        return;
      case 'close':
        beating.dropAll();
        void line.close().finally(() => process.exit());
    }
  });
}

start(parentPort);

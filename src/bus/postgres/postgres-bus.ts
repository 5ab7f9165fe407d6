/**
 * Owns wake-ups between processes on one schema of a PostgreSQL database, over one connection that
 * listens and notifies.
 *
 * Notifications are never part of a transaction that changes something: the server takes a lock for
 * all databases from before the commit of such a transaction until after it, so that commits would
 * wait for each other's disk. Here they are transactions of their own, not waited for by anybody,
 * and with nothing to make durable.
 *
 * P1 Own listeners are called directly. What comes back from the server under the own name has
 *    nothing new to say.
 * P2 A connection that was lost is made again, with growing pauses. What was said meanwhile is
 *    unknown: all listeners are called once it is back, and the others are told what is due.
 * P3 Trouble is said once for each outage and counted. Nothing is thrown, and polling has to do.
 * P4 Without wake-ups there are no statements; the kernel alone looks whether the other side is
 *    there. Nothing here keeps the process alive.
 */
import type pg from 'pg';
import type { Bus, BusTopic, Unsubscribe } from '../../ports/bus.ts';
import { busTopics } from '../../ports/bus.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Random } from '../../ports/random.ts';
import type { PostgresAddress } from '../../system/postgres/address.ts';
import {
  answerWithin,
  connectPostgres,
  dropConnection,
  holdProcess,
} from '../../system/postgres/connect.ts';
import { faultOf, kindOf } from '../../system/postgres/faults.ts';
import { Listeners, nextTurn } from '../listeners.ts';
import { Notifier } from './notifier.ts';
import { channelOf, listenText, notifyText, textOf, topicsOf } from './statements.ts';

/** How long making the connection may take, and a statement for the server and for us. */
const connectMsMax = 5_000;
const statementMsMax = 4_000;
const answerMsMax = 5_000;
/** The pauses before the connection is made again: doubled from the first to the last. */
const pauseMsMin = 100;
const pauseMsMax = 5_000;
/** How long closing waits for what is due to be said, and for the goodbye. */
const closeMsMax = 1_000;

/** Where the bus runs and what it works with. */
export interface PostgresBusOptions {
  readonly address: PostgresAddress;
  /** The same for all who hear each other. */
  readonly schema: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Since the bus was opened. */
export interface PostgresBusCounts {
  /** Notifications that the server confirmed, and those that it refused. */
  readonly notified: number;
  readonly refused: number;
  /** Connections that were lost. */
  readonly lost: number;
}

/** A bus with what it counts. */
export interface PostgresBus extends Bus {
  counts(): PostgresBusCounts;
  /**
   * A statement that tells other processes of a topic, for whoever can execute it right behind the
   * commit that it speaks of, outside of that transaction; null while it is too soon after the
   * last. Listeners of this process are not called.
   */
  statementFor(topic: BusTopic): { readonly text: string; readonly values: string[] } | null;
}

/** Opens a bus. It is there even if the server is not: then it goes on trying. */
export async function openPostgresBus(options: PostgresBusOptions): Promise<PostgresBus> {
  const bus = new ListeningBus(options);
  await bus.connect();
  return bus;
}

class ListeningBus implements PostgresBus {
  readonly #options: PostgresBusOptions;
  readonly #channel: string;
  readonly #listeners: Listeners;
  readonly #notifier: Notifier;
  readonly #name: string;
  readonly #closing = new AbortController();
  #client: pg.Client | null = null;
  #connecting: Promise<void> | null = null;
  #again: Timer | null = null;
  #pauseMs = pauseMsMin;
  #missed = false;
  #told = false;
  #notified = 0;
  #refused = 0;
  #lost = 0;

  constructor(options: PostgresBusOptions) {
    this.#options = options;
    this.#channel = channelOf(options.schema);
    this.#listeners = new Listeners(options.log, nextTurn);
    this.#name = options.random.id();
    this.#notifier = new Notifier(options.clock);
  }

  publish(topic: BusTopic): void {
    if (this.#closed) return;
    this.#listeners.wake(topic);
    this.#notifier.add(topic);
  }

  subscribe(topic: BusTopic, listener: () => void): Unsubscribe {
    return this.#closed ? () => {} : this.#listeners.add(topic, listener);
  }

  statementFor(topic: BusTopic): { readonly text: string; readonly values: string[] } | null {
    if (this.#closed || !this.#notifier.takeTurn()) return null;
    return { text: notifyText, values: [this.#channel, textOf(this.#name, [topic])] };
  }

  counts(): PostgresBusCounts {
    return { notified: this.#notified, refused: this.#refused, lost: this.#lost };
  }

  /** Tries once. Never rejects. */
  connect(): Promise<void> {
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closing.abort();
    this.#listeners.clear();
    this.#again?.cancel();
    await this.#connecting;
    const client = this.#client;
    if (client === null) return;
    // Whoever waits for the end holds on to the process, which may have nothing else to do.
    holdProcess(client, true);
    const late = this.#options.clock.after(closeMsMax, () => dropConnection(client));
    await this.#notifier.drain();
    this.#notifier.lost();
    await client.end();
    late.cancel();
  }

  get #closed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #connect(): Promise<void> {
    try {
      const client = await connectPostgres(this.#options.address, {
        applicationName: `holdfast ${this.#options.schema} wake`,
        connectTimeoutMs: connectMsMax,
        statementTimeoutMs: statementMsMax,
        // A wake-up that a crash of the server takes away has nobody left to wake.
        settings: { synchronous_commit: 'off' },
        signal: this.#closing.signal,
      });
      await this.#listen(client);
      this.#use(client);
    } catch (error) {
      this.#onTrouble(error);
    }
  }

  async #listen(client: pg.Client): Promise<void> {
    const drop = (): void => dropConnection(client);
    const { signal } = this.#closing;
    signal.addEventListener('abort', drop);
    try {
      await this.#within(client, client.query(listenText(this.#channel)));
    } catch (error) {
      drop();
      throw error;
    } finally {
      signal.removeEventListener('abort', drop);
    }
  }

  #use(client: pg.Client): void {
    this.#client = client;
    const connectedAt = this.#options.clock.mono();
    let cause: unknown = new Error('Connection terminated unexpectedly');
    client.on('error', (error) => {
      cause = error;
      dropConnection(client);
    });
    client.on('end', () => {
      this.#client = null;
      this.#notifier.lost();
      if (this.#closed) return;
      this.#lost += 1;
      // One that breaks as soon as it is made counts as one that was not made.
      if (this.#options.clock.mono() - connectedAt > pauseMsMax) this.#pauseMs = pauseMsMin;
      this.#onTrouble(cause);
    });
    client.on('notification', ({ payload }) => {
      for (const topic of topicsOf(payload, this.#name)) this.#listeners.wake(topic);
    });
    holdProcess(client, false);
    this.#notifier.connected((topics) => this.#notify(client, topics));
    if (this.#missed) this.#catchUp();
  }

  /** P2 */
  #catchUp(): void {
    this.#missed = false;
    this.#told = false;
    this.#options.log.log('info', 'wake-ups are back', { schema: this.#options.schema });
    for (const topic of busTopics) this.#listeners.wake(topic);
  }

  async #notify(
    client: pg.Client,
    topics: readonly BusTopic[],
  ): Promise<'sent' | 'refused' | 'lost'> {
    const text = textOf(this.#name, topics);
    try {
      await this.#within(client, client.query(notifyText, [this.#channel, text]));
      this.#notified += 1;
      this.#told = false;
      return 'sent';
    } catch (error) {
      if (kindOf(error) === 'ambiguous') {
        dropConnection(client);
        return 'lost';
      }
      this.#refused += 1;
      this.#tell('the server refuses wake-ups', error);
      return 'refused';
    }
  }

  #within<T>(client: pg.Client, answer: Promise<T>): Promise<T> {
    return answerWithin(client, this.#options.clock, answerMsMax, answer);
  }

  /** P2 */
  #onTrouble(error: unknown): void {
    if (this.#closed) return;
    this.#missed = true;
    this.#tell('no wake-ups through the database', error);
    const waitMs = this.#pauseMs * (0.5 + this.#options.random.next() / 2);
    this.#pauseMs = Math.min(pauseMsMax, this.#pauseMs * 2);
    this.#again = this.#options.clock.after(waitMs, () => void this.connect());
  }

  /** P3 */
  #tell(what: string, error: unknown): void {
    if (this.#told) return;
    this.#told = true;
    const { address, log, schema } = this.#options;
    const { code, message } = faultOf(error, address);
    const text = `${what}: other processes find work by polling only`;
    log.log('warn', text, { schema, code, error: message });
  }
}

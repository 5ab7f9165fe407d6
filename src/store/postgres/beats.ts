/**
 * Owns the main thread's side of heartbeats: who is kept alive, and since when it may be sure of
 * that. The beats themselves are the business of one thread for all nodes of this process.
 *
 * K1 Joining is the first renewal. Until the first beat a node trusts the time at which it asked to
 *    join.
 * K2 The thread is started for the first node and ended by closing. It does not keep the process
 *    alive.
 * K3 A thread that ends by itself is started again with all nodes that it kept: their leases last
 *    for several beats.
 * K4 Whoever stops a keeper hears when the thread has let the node go: from then on nothing is
 *    renewed any more.
 */
import { Worker } from 'node:worker_threads';
import type { NodeKey } from '../../core/execution/run.ts';
import { type MonoMs, monoMs } from '../../core/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Beat, JoinVerdict, KeepAlive, Keeper } from '../../ports/store-nodes.ts';
import { systemClock } from '../../system/clock.ts';
import type { PostgresAddress } from '../../system/postgres/address.ts';
import type { BeatOrder, BeatSetup, BeatWord, Keeping } from './beat-thread.ts';

/** What heartbeats are made with. */
export interface BeatsOptions {
  readonly address: PostgresAddress;
  readonly schema: string;
  readonly log: Log;
}

/** The heartbeats of one store. */
export interface Beats {
  /** Remembers when a join was asked for (K1). */
  joining(join: () => Promise<JoinVerdict>): Promise<JoinVerdict>;
  keepAlive(ask: KeepAlive): Keeper;
  /** Ends all keeping, and the thread. */
  close(): Promise<void>;
}

/** The pauses before a thread that ended by itself is started again: doubled, until it beats. */
const restartMsMin = 500;
const restartMsMax = 4_000;
/** How long a thread may take to end. */
const closeMsMax = 2_000;
/** It handles a few short texts in a second. */
const resourceLimits = { maxYoungGenerationSizeMb: 4 };

/** The file of the thread: source beside source, built code beside built code. */
const threadFile = (): URL => {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./beat-thread.${extension}`, import.meta.url);
};

/** Makes the keeping. Nothing is started yet (K2). */
export function openBeats(options: BeatsOptions): Beats {
  return new ThreadedBeats(options, systemClock());
}

interface Kept {
  readonly ask: KeepAlive;
  readonly keeping: Keeping;
}

class ThreadedBeats implements Beats {
  readonly #options: BeatsOptions;
  readonly #clock: Clock;
  readonly #kept = new Map<number, Kept>();
  readonly #joinedAt = new Map<NodeKey, MonoMs>();
  #thread: Worker | null = null;
  #restart: Timer | null = null;
  #restartMs = restartMsMin;
  #closed = false;
  #lastKeeper = 0;
  /** Whoever waits until the thread has let a node go. */
  readonly #dropping = new Map<number, () => void>();

  constructor(options: BeatsOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  // As properties: they are handed on as parts of a store.
  readonly joining = async (join: () => Promise<JoinVerdict>): Promise<JoinVerdict> => {
    const startedAt = this.#clock.mono();
    const verdict = await join();
    if (verdict.ok) this.#joinedAt.set(verdict.node, startedAt);
    return verdict;
  };

  readonly keepAlive = (ask: KeepAlive): Keeper => {
    const { node, everyMs } = ask;
    const renewed = new SharedArrayBuffer(8);
    const shared = new BigInt64Array(renewed);
    Atomics.store(shared, 0, BigInt(Math.floor((this.#joinedAt.get(node) ?? 0) * 1e6)));
    this.#joinedAt.delete(node);
    this.#lastKeeper += 1;
    const keeper = this.#lastKeeper;
    if (!this.#closed) {
      this.#kept.set(keeper, { ask, keeping: { keeper, node, everyMs, renewed } });
      if (this.#thread !== null) this.#keepOn(this.#thread, keeper);
      else if (this.#restart === null) this.#start();
    }
    return {
      lastRenewalStarted: () => monoMs(Number(Atomics.load(shared, 0)) / 1e6),
      hurry: () => {
        if (this.#kept.has(keeper)) this.#tell({ order: 'hurry', keeper });
      },
      stop: async () => {
        if (this.#kept.delete(keeper)) await this.#drop(keeper);
      },
    };
  };

  async close(): Promise<void> {
    this.#closed = true;
    this.#kept.clear();
    this.#restart?.cancel();
    const thread = this.#thread;
    if (thread === null) return;
    // Whoever waits for the end holds on to the process, which may have nothing else to do.
    thread.ref();
    const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
    this.#tell({ order: 'close' });
    const late = this.#clock.after(closeMsMax, () => void thread.terminate());
    await ended;
    late.cancel();
  }

  /** K4 */
  async #drop(keeper: number): Promise<void> {
    const thread = this.#thread;
    if (thread === null) return;
    thread.ref();
    await new Promise<void>((resolve) => {
      this.#dropping.set(keeper, resolve);
      this.#tell({ order: 'drop', keeper });
    });
    if (this.#dropping.size === 0 && this.#thread === thread) thread.unref();
  }

  #dropped(keeper: number): void {
    this.#dropping.get(keeper)?.();
    this.#dropping.delete(keeper);
  }

  #tell(order: BeatOrder): void {
    this.#thread?.postMessage(order);
  }

  #start(): void {
    const { address, schema } = this.#options;
    const thread = new Worker(threadFile(), {
      workerData: { address: address.secret(), schema } satisfies BeatSetup,
      name: 'holdfast-beats',
      // Without the flags of the process: some of them are refused in threads, none is needed.
      execArgv: [],
      resourceLimits,
    });
    let cause: unknown = null;
    thread.on('message', (word: BeatWord) => this.#hear(word));
    thread.on('error', (error) => {
      cause = error;
    });
    thread.on('exit', () => this.#onExit(cause));
    // Behind the listeners: each of them takes hold of the process again.
    thread.unref();
    this.#thread = thread;
    for (const keeper of this.#kept.keys()) this.#keepOn(thread, keeper);
  }

  #keepOn(thread: Worker, keeper: number): void {
    const kept = this.#kept.get(keeper);
    if (kept !== undefined) thread.postMessage({ order: 'keep', ...kept.keeping });
  }

  /** K3 */
  #onExit(cause: unknown): void {
    this.#thread = null;
    for (const keeper of [...this.#dropping.keys()]) this.#dropped(keeper);
    if (this.#closed) return;
    const error = String(cause);
    this.#log('error', 'the thread of heartbeats has ended and is started again', { error });
    this.#restart = this.#clock.after(this.#restartMs, () => {
      this.#restart = null;
      if (this.#kept.size > 0) this.#start();
    });
    this.#restartMs = Math.min(this.#restartMs * 2, restartMsMax);
  }

  #hear(word: BeatWord): void {
    switch (word.word) {
      case 'beat':
        this.#restartMs = restartMsMin;
        this.#kept.get(word.keeper)?.ask.onBeat(JSON.parse(word.beat) as Beat);
        return;
      case 'fenced': {
        const kept = this.#kept.get(word.keeper);
        this.#kept.delete(word.keeper);
        kept?.ask.onFenced();
        return;
      }
      case 'dropped':
        this.#dropped(word.keeper);
        return;
      case 'trouble': {
        const { code, message } = word;
        this.#log('warn', 'heartbeats fail and are tried again', { code, error: message });
        return;
      }
      case 'well':
        this.#log('info', 'heartbeats are back', {});
    }
  }

  #log(level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown>): void {
    this.#options.log.log(level, message, { schema: this.#options.schema, ...fields });
  }
}

/**
 * Owns a seat's half that starts jobs: in bulk, by callers who wait, one by one, and as a steady
 * load.
 *
 * T1 A steady load is open: what is due is sent, whether or not what was sent before is accepted.
 *    Jobs are stamped with the moment when they are sent.
 */
import type { Answer, Ask } from '../case.ts';
import { numbersFrom } from '../cases/numbers.ts';
import { hostMs, pause } from '../cases/waits.ts';
import type { Contestant, Job, Place, Producer, Style } from './contestant.ts';

const BULK_JOBS = 1_000;
const TICK_MS = 10;

/** One sender of a steady load. */
export type Stream = Ask & {
  readonly tenant: string;
  readonly perSecond: number;
  /** How much time's jobs are sent at once. */
  readonly burstMs: number;
};

export class Starting {
  readonly #contestant: Contestant;
  #producer: Producer | null = null;
  #next = 0;
  #load: Promise<number> | null = null;
  #loading = false;

  constructor(contestant: Contestant) {
    this.#contestant = contestant;
  }

  /** Null when the question is not for this half. */
  async ask(ask: Ask): Promise<Answer | null> {
    switch (ask.do) {
      case 'produce':
        this.#next = 0;
        this.#producer = await this.#contestant.produce(ask.place as Place, ask.style as Style);
        return {};
      case 'add-many':
        return this.#addMany(Number(ask.count));
      case 'add-at-once':
        return this.#addAtOnce(Number(ask.callers), Number(ask.ms));
      case 'add-one':
        await this.#open.add(this.#job('default'));
        return {};
      case 'load':
        this.#loading = true;
        this.#load = this.#steady(ask.streams as readonly Stream[]);
        return {};
      case 'unload':
        this.#loading = false;
        return { sent: (await this.#load) ?? 0 };
      case 'produced':
        await this.close();
        return {};
      default:
        return null;
    }
  }

  async close(): Promise<void> {
    this.#loading = false;
    await this.#load;
    await this.#producer?.close();
    this.#producer = null;
  }

  get #open(): Producer {
    if (this.#producer === null) throw new Error('the seat does not start jobs');
    return this.#producer;
  }

  #job(tenant: string): Job {
    const n = this.#next;
    this.#next += 1;
    return { n, tenant, atMs: hostMs() };
  }

  async #addMany(count: number): Promise<Answer> {
    const startedAt = performance.now();
    for (let left = count; left > 0; left -= BULK_JOBS) {
      const jobs = numbersFrom(0, Math.min(left, BULK_JOBS)).map(() => this.#job('default'));
      await this.#open.addMany(jobs);
    }
    return { seconds: (performance.now() - startedAt) / 1e3 };
  }

  async #addAtOnce(callers: number, ms: number): Promise<Answer> {
    const waits: number[] = [];
    const startedAt = performance.now();
    const caller = async () => {
      while (performance.now() - startedAt < ms) {
        const before = performance.now();
        await this.#open.add(this.#job('default'));
        waits.push(performance.now() - before);
      }
    };
    await Promise.all(Array.from({ length: callers }, caller));
    return { ms: waits, seconds: (performance.now() - startedAt) / 1e3 };
  }

  /** Until `unload`; resolves with the number of jobs when all of them are accepted. */
  async #steady(streams: readonly Stream[]): Promise<number> {
    const startedAt = performance.now();
    const sent = streams.map(() => 0);
    const accepting = new Set<Promise<void>>();
    let refused: unknown;
    while (this.#loading) {
      const elapsed = performance.now() - startedAt;
      for (const [index, { tenant, perSecond, burstMs }] of streams.entries()) {
        const whole = Math.floor(elapsed / burstMs) * burstMs;
        const due = Math.floor((whole * perSecond) / 1e3) - (sent[index] ?? 0);
        if (due <= 0) continue;
        sent[index] = (sent[index] ?? 0) + due;
        const accepted = this.#open
          .addMany(numbersFrom(0, due).map(() => this.#job(tenant)))
          .catch((error: unknown) => {
            refused ??= error;
          })
          .finally(() => accepting.delete(accepted));
        accepting.add(accepted);
      }
      await pause(TICK_MS);
    }
    await Promise.all(accepting);
    if (refused !== undefined) throw refused;
    return sent.reduce((sum, count) => sum + count, 0);
  }
}

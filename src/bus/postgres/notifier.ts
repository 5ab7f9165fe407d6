/**
 * Owns when a process tells the others: which topics are due, and that there are few notifications
 * however many publishes.
 *
 * N1 At most one notification is under way, and one starts in `notifyEveryMs`. All topics that are
 *    due by then travel in it. The first of a moment leaves as soon as the event loop turns.
 * N2 A topic stays due until the server has confirmed it, over the next connection if need be.
 *    Whoever hears of it twice loses nothing.
 * N3 Somebody who is about to commit something may take the turn of the next notification, and tell
 *    it in our place.
 * N4 A notification that the server refuses is tried again after `afterRefusalMs`. Its queue may be
 *    full, because somebody listens in a transaction that never ends.
 */
import type { BusTopic } from '../../ports/bus.ts';
import type { Clock } from '../../ports/clock.ts';
import { nextTurn } from '../listeners.ts';

/** The least time between two notifications of one process. */
export const notifyEveryMs = 5;

/** How long topics wait after the server refused them. */
const afterRefusalMs = 1_000;

/**
 * Tells the other processes, and what came of it. `lost`: the connection is of no use any more.
 * Never rejects.
 */
export type Send = (topics: readonly BusTopic[]) => Promise<'sent' | 'refused' | 'lost'>;

/** What is to be told, and to whom while there is a connection. */
export class Notifier {
  readonly #clock: Clock;
  readonly #due = new Set<BusTopic>();
  #send: Send | null = null;
  #sending: Promise<void> | null = null;
  #planned = false;
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(topic: BusTopic): void {
    this.#due.add(topic);
    this.#plan();
  }

  /** N3: whether it is time for a notification; then it is the caller who sends it. */
  takeTurn(): boolean {
    const now = this.#clock.mono();
    if (now < this.#nextAt) return false;
    this.#nextAt = now + notifyEveryMs;
    return true;
  }

  /** There is a connection again. */
  connected(send: Send): void {
    this.#send = send;
    this.#nextAt = Number.NEGATIVE_INFINITY;
    this.#plan();
  }

  /** There is none. What is due waits for the next. */
  lost(): void {
    this.#send = null;
  }

  /** Sends what is due, once and at once. Never rejects. */
  async drain(): Promise<void> {
    await this.#sending;
    await this.#flush();
  }

  /** N1 */
  #plan(): void {
    if (this.#planned || this.#send === null || this.#sending !== null) return;
    if (this.#due.size === 0) return;
    this.#planned = true;
    const act = (): void => {
      this.#planned = false;
      void this.#flush();
    };
    const waitMs = this.#nextAt - this.#clock.mono();
    if (waitMs <= 0) nextTurn(act);
    else this.#clock.after(waitMs, act);
  }

  async #flush(): Promise<void> {
    const send = this.#send;
    if (send === null || this.#sending !== null || this.#due.size === 0) return;
    const topics = [...this.#due];
    this.#due.clear();
    this.#nextAt = this.#clock.mono() + notifyEveryMs;
    this.#sending = this.#sendOff(send, topics);
    await this.#sending;
    this.#sending = null;
    this.#plan();
  }

  async #sendOff(send: Send, topics: readonly BusTopic[]): Promise<void> {
    const became = await send(topics);
    if (became === 'sent') return;
    for (const topic of topics) this.#due.add(topic);
    if (became === 'refused') this.#nextAt = this.#clock.mono() + afterRefusalMs;
    else if (this.#send === send) this.#send = null;
  }
}

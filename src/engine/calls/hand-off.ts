/**
 * Owns the handing of work to somebody else within a bound: whoever hands over knows in time
 * whether it was taken.
 *
 * H1 What is offered is taken, refused or withdrawn, and never both taken and withdrawn.
 * H2 Nobody waits longer than the bound, the deadline and the signal allow, whichever ends first.
 */
import { checkNumber, checkOptions, checkWhole } from '../../core/check.ts';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { Clock } from '../../ports/clock.ts';

/** What became of an offer. */
export type Offered = 'taken' | 'timed-out' | 'withdrawn';

/** How long an offer stands. */
export interface OfferOptions {
  /** At the most. Default 1,000. */
  readonly withinMs?: number;
  /** Ends the offer. */
  readonly signal?: AbortSignal;
  /** When it has to be taken, in ms since 1970, such as `ctx.deadlineAt`. */
  readonly deadlineAt?: number | null;
}

/** How long somebody waits for an item. */
export interface TakeOptions {
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

interface Waiting<Item> {
  readonly item: Item;
  readonly taken: () => void;
}

const withinMsDefault = 1_000;
const dayMs = 86_400_000;

/**
 * A place where work changes hands: `room` items wait, and whoever offers more waits in line.
 * Made by `hf.calls.handOff(room)`.
 */
export class HandOff<Item> {
  readonly #clock: Clock;
  readonly #room: number;
  readonly #ready: Item[] = [];
  readonly #offers: Waiting<Item>[] = [];
  readonly #takers: ((item: Item | null) => void)[] = [];
  readonly #leaving = new Set<() => void>();
  #closed = false;

  constructor(clock: Clock, room: number) {
    this.#clock = clock;
    this.#room = checkWhole('room', room, 0, limits.handOffRoomMax);
  }

  /** Offers an item. */
  offer(item: Item, options: OfferOptions = {}): Promise<Offered> {
    const { signal, deadlineAt } = options;
    const withinMs = checkNumber('withinMs', options.withinMs ?? withinMsDefault, 0, dayMs);
    if (signal?.aborted || this.#closed) return Promise.resolve('withdrawn');
    const leftMs = this.#left(deadlineAt ?? null);
    if (leftMs <= 0) return Promise.resolve('withdrawn');
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker(item);
      return Promise.resolve('taken');
    }
    if (this.#ready.length < this.#room) {
      this.#ready.push(item);
      return Promise.resolve('taken');
    }
    return this.#wait(item, Math.min(withinMs, leftMs), leftMs <= withinMs, signal);
  }

  /** As `offer`, throwing `call.busy`, or `node.draining` when the other side has closed. */
  async hand(item: Item, options: OfferOptions = {}): Promise<void> {
    const offered = await this.offer(item, options);
    if (offered === 'taken') return;
    if (this.#closed) {
      throw new HoldfastError('node.draining', 'whoever would take it is shutting down');
    }
    options.signal?.throwIfAborted();
    throw new HoldfastError('call.busy', 'nobody took it in time; try again');
  }

  /**
   * Takes the next item, waiting for it; null when the place was closed. Rejects with the reason of
   * the signal, and nothing is given to it then.
   */
  take(options: TakeOptions = {}): Promise<Item | null> {
    checkOptions('take', options, ['signal']);
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#ready.length > 0) {
      const item = this.#ready.shift() as Item;
      const offer = this.#offers.shift();
      if (offer !== undefined) {
        this.#ready.push(offer.item);
        offer.taken();
      }
      return Promise.resolve(item);
    }
    const offer = this.#offers.shift();
    if (offer !== undefined) {
      offer.taken();
      return Promise.resolve(offer.item);
    }
    if (this.#closed) return Promise.resolve(null);
    return this.#waitToTake(signal);
  }

  /** Takes no more; what was taken can still be fetched, what waits in line is withdrawn. */
  close(): void {
    this.#closed = true;
    for (const taker of this.#takers.splice(0)) taker(null);
    for (const leave of [...this.#leaving]) leave();
  }

  #waitToTake(signal: AbortSignal | undefined): Promise<Item | null> {
    const { promise, resolve, reject } = Promise.withResolvers<Item | null>();
    const leave = (): void => {
      const at = this.#takers.indexOf(taker);
      if (at >= 0) this.#takers.splice(at, 1);
      reject(signal?.reason);
    };
    const taker = (item: Item | null): void => {
      signal?.removeEventListener('abort', leave);
      resolve(item);
    };
    signal?.addEventListener('abort', leave, { once: true });
    this.#takers.push(taker);
    return promise;
  }

  #left(deadlineAt: number | null): number {
    return deadlineAt === null ? Number.POSITIVE_INFINITY : deadlineAt - this.#clock.wall();
  }

  #wait(
    item: Item,
    ms: number,
    deadline: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Offered> {
    const { promise, resolve } = Promise.withResolvers<Offered>();
    const end = (how: Offered): void => {
      timer.cancel();
      signal?.removeEventListener('abort', withdraw);
      this.#leaving.delete(withdraw);
      const at = this.#offers.indexOf(offer);
      if (at >= 0) this.#offers.splice(at, 1);
      resolve(how);
    };
    const withdraw = (): void => end('withdrawn');
    const offer: Waiting<Item> = { item, taken: () => end('taken') };
    const timer = this.#clock.after(ms, () => end(deadline ? 'withdrawn' : 'timed-out'));
    signal?.addEventListener('abort', withdraw, { once: true });
    this.#leaving.add(withdraw);
    this.#offers.push(offer);
    return promise;
  }
}

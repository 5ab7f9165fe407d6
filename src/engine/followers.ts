/**
 * Owns the waiting for further parts of runs, wherever they are made.
 *
 * F1 All readers of a process that wait are asked for in one call of the store: after a wake-up,
 *    and by a patience of their own that doubles from `askMsMin` to a longest one. Readers that
 *    wait for the same are one question.
 * F2 A reader asks for one page at a time and holds no more: one that is slow holds up nobody, and
 *    nothing piles up for it.
 * F3 Asking takes at most a share of the time, and leaves `gapMs` between two questions, however
 *    many wake-ups come.
 */
import { limits } from '../core/limits.ts';
import { type MonoMs, monoPlus } from '../core/time.ts';
import type { Unsubscribe } from '../ports/bus.ts';
import type { PartsPage } from '../ports/store-parts.ts';
import { mayPass } from './passing.ts';
import { Question } from './question.ts';
import type { World } from './world.ts';

const askMsMin = 20;
const askMsMaxDefault = 500;
const gapMs = 4;
/** After a question nobody asks for so many times as long as it took. */
const restShare = 1;
/** Questions in one call, and the characters of all its pages; a page may have at least some. */
const callAsksMax = 256;
const callCharsMax = 4 * limits.partsPageCharsMax;
const pageCharsMin = 16_384;

/** What a reader wants to hear of. */
export interface PartsWanted {
  readonly id: string;
  /** The first offset that it has not got. */
  readonly from: number;
  readonly signal?: AbortSignal | undefined;
}

interface Waiter {
  readonly tell: (page: PartsPage | null) => void;
  readonly fail: (error: unknown) => void;
}

interface Want {
  readonly id: string;
  readonly from: number;
  readonly waiters: Set<Waiter>;
  askAt: MonoMs;
  askMs: number;
}

/** Whether a page holds anything for whoever waits from there on. */
const isNews = (page: PartsPage | null, from: number): boolean =>
  page === null || page.blocks.length > 0 || page.ended || (page.dropped > 0 && from <= page.kept);

/** Everybody of one runtime who reads parts. */
export class Followers {
  readonly #world: World;
  readonly #askMsMax: number;
  readonly #wants = new Map<string, Want>();
  #subscriptions: readonly Unsubscribe[] = [];
  readonly #question: Question;
  #closed: unknown = null;

  constructor(world: World, askMsMax = askMsMaxDefault) {
    this.#world = world;
    this.#askMsMax = askMsMax;
    this.#question = new Question(world.clock, {
      ask: () => this.#ask(),
      nextAt: () => this.#nextAt(),
    });
  }

  /** Readers that wait. */
  get size(): number {
    let count = 0;
    for (const { waiters } of this.#wants.values()) count += waiters.size;
    return count;
  }

  /**
   * Resolves with a page as soon as there is something in it for the reader: parts, a mark that
   * some were dropped, or the end; with null if there is no such run. Rejects with the reason of
   * the signal.
   */
  next({ id, from, signal }: PartsWanted): Promise<PartsPage | null> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    this.#subscribe();
    const { promise, resolve, reject } = Promise.withResolvers<PartsPage | null>();
    const waiter: Waiter = { tell: resolve, fail: reject };
    const key = `${from} ${id}`;
    const now = this.#world.clock.mono();
    let want = this.#wants.get(key);
    if (want === undefined) {
      want = { id, from, waiters: new Set(), askAt: now, askMs: askMsMin };
      this.#wants.set(key, want);
    }
    want.waiters.add(waiter);
    want.askAt = now;
    this.#question.by(now);
    if (signal === undefined) return promise;
    const onAbort = (): void => {
      const found = this.#wants.get(key);
      found?.waiters.delete(waiter);
      if (found?.waiters.size === 0) this.#wants.delete(key);
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', onAbort));
  }

  /** Ends every wait with an error. */
  close(error: unknown): void {
    this.#closed = error;
    this.#question.close();
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    for (const { waiters } of this.#wants.values()) for (const { fail } of waiters) fail(error);
    this.#wants.clear();
  }

  #subscribe(): void {
    if (this.#subscriptions.length > 0) return;
    const wake = (): void => {
      if (this.#wants.size === 0) return;
      const now = this.#world.clock.mono();
      for (const want of this.#wants.values()) want.askAt = now;
      this.#question.by(now);
    };
    const { bus } = this.#world;
    this.#subscriptions = [bus.subscribe('parts', wake), bus.subscribe('done', wake)];
  }

  #ask(): Promise<number> | null {
    const asked = this.#due();
    return asked.length === 0 ? null : this.#asked(asked);
  }

  async #asked(asked: readonly Want[]): Promise<number> {
    const { clock, store } = this.#world;
    const from = clock.mono();
    const share = Math.max(pageCharsMin, Math.floor(callCharsMax / asked.length));
    const charsMax = Math.min(limits.partsPageCharsMax, share);
    try {
      const pages = await store.parts(
        asked.map((want) => ({ id: want.id, from: want.from, charsMax })),
      );
      for (const [at, want] of asked.entries()) this.#heard(want, pages[at] ?? null);
    } catch (error) {
      this.#failed(asked, error);
    }
    return Math.max(gapMs, (clock.mono() - from) * restShare);
  }

  #due(): Want[] {
    const now = this.#world.clock.mono();
    const due: Want[] = [];
    for (const want of this.#wants.values()) {
      if (want.askAt > now) continue;
      due.push(want);
      want.askAt = monoPlus(now, want.askMs);
      want.askMs = Math.min(want.askMs * 2, this.#askMsMax);
      // The rest is still due, and goes next.
      if (due.length === callAsksMax) break;
    }
    return due;
  }

  #heard(want: Want, page: PartsPage | null): void {
    const key = `${want.from} ${want.id}`;
    if (this.#wants.get(key) !== want) return;
    this.#wants.delete(key);
    if (isNews(page, want.from)) for (const { tell } of want.waiters) tell(page);
    else this.#wants.set(key, want);
  }

  /** A fault that passes is waited out; the next question finds out. */
  #failed(asked: readonly Want[], error: unknown): void {
    if (mayPass(error)) return;
    for (const want of asked) {
      this.#wants.delete(`${want.from} ${want.id}`);
      for (const { fail } of want.waiters) fail(error);
    }
  }

  #nextAt(): MonoMs | null {
    let next: MonoMs | null = null;
    for (const { askAt } of this.#wants.values()) if (next === null || askAt < next) next = askAt;
    return next;
  }
}

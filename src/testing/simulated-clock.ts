/**
 * Owns simulated time: a clock that moves only when it is told to, and views of it for single
 * nodes.
 *
 * S1 Time never passes by itself. Timers fire in order of their time; those of one time fire in the
 *    order in which they were set, or in a seeded order when chance is handed in.
 * S2 `mono` never goes back and `stepWall` moves only `wall`: as a real host behaves when its clock
 *    is set.
 * S3 A frozen view still sees time pass, but none of its timers fires before it is unfrozen: as a
 *    process that was stopped and goes on later. A dropped view never fires again: as a process
 *    that is gone.
 */
import { type MonoMs, monoMs, type WallMs, wallMs } from '../core/time.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import { TimerQueue, type WaitingTimer } from './timer-queue.ts';

/** What a simulated clock begins with. */
export interface SimulatedClockOptions {
  /** Wall time at the beginning, in milliseconds since the epoch. Default: 2030-01-01T00:00:00Z. */
  readonly wallStartMs?: number;
  /** Monotonic time at the beginning, in milliseconds. Default: 1,000,000. */
  readonly monoStartMs?: number;
  /** Decides the order of timers of the same time. Default: the order in which they were set. */
  readonly ties?: Random;
}

/** The same time as one node sees it. */
export interface ClockView extends Clock {
  /** From now on its timers wait. */
  freeze(): void;
  /** Fires what came due meanwhile, in order, and goes on. */
  unfreeze(): void;
  /** Its timers never fire again, and no new ones do. */
  drop(): void;
  readonly frozen: boolean;
}

/** 2030-01-01T00:00:00Z: no real clock says so, and so a mix-up shows. */
const wallStartDefaultMs = 1_893_456_000_000;
const monoStartDefaultMs = 1_000_000;

/**
 * A clock that stands still until it is moved.
 *
 * @example
 * const clock = new SimulatedClock();
 * const fired: string[] = [];
 * clock.after(1_000, () => fired.push('a second'));
 * await clock.advance(999);
 * fired.length; // => 0
 * await clock.advance(1);
 * fired; // => ['a second']
 */
export class SimulatedClock implements Clock {
  readonly #timers: TimerQueue;
  #mono: number;
  #wallAhead: number;

  constructor(options: SimulatedClockOptions = {}) {
    this.#mono = options.monoStartMs ?? monoStartDefaultMs;
    this.#wallAhead = (options.wallStartMs ?? wallStartDefaultMs) - this.#mono;
    this.#timers = new TimerQueue(options.ties);
  }

  wall(): WallMs {
    return wallMs(Math.floor(this.#mono + this.#wallAhead));
  }

  mono(): MonoMs {
    return monoMs(this.#mono);
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#timers.add(this.#mono + Math.max(0, delayMs), callback);
  }

  /** Whoever moves time lets promises run to their end after each timer. */
  turn(callback: () => void): Timer {
    return this.after(0, callback);
  }

  /** Sets the wall clock forward or (negative) back by `byMs`, as an operator or NTP would. */
  stepWall(byMs: number): void {
    this.#wallAhead += byMs;
  }

  /** When the next timer is due, or null if none is set. */
  nextAt(): MonoMs | null {
    const next = this.#timers.peek();
    return next === undefined ? null : monoMs(Math.max(next.at, this.#mono));
  }

  /**
   * Moves to the next timer and calls it, synchronously. False when there is none, or none at or
   * before `until`.
   */
  fireNext(until: number = Number.POSITIVE_INFINITY): boolean {
    const next = this.#timers.peek();
    if (next === undefined || next.at > until) return false;
    this.#timers.shift();
    this.#mono = Math.max(this.#mono, next.at);
    next.fire();
    return true;
  }

  /** Moves time without firing what becomes due on the way: it fires with the next step. */
  jump(byMs: number): void {
    this.#mono += Math.max(0, byMs);
  }

  /**
   * Moves time by `byMs`, firing every timer on the way, also those that the fired ones set. After
   * each, whatever it set off in promises runs to its end before the next one fires.
   */
  async advance(byMs: number): Promise<void> {
    const until = this.#mono + Math.max(0, byMs);
    await settle();
    while (this.fireNext(until)) await settle();
    this.#mono = until;
  }

  /** The same time for one node, which can be frozen and dropped by itself. */
  view(): ClockView {
    return new View(this);
  }
}

/**
 * Lets everything run that waits on promises alone, and what that sets off within a few turns of
 * the event loop. Simulated time does not move.
 */
export async function settle(turns = 1): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

class View implements ClockView {
  readonly #clock: SimulatedClock;
  #held: WaitingTimer[] = [];
  #state: 'going' | 'frozen' | 'dropped' = 'going';

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  get frozen(): boolean {
    return this.#state === 'frozen';
  }

  wall(): WallMs {
    return this.#clock.wall();
  }

  mono(): MonoMs {
    return this.#clock.mono();
  }

  after(delayMs: number, callback: () => void): Timer {
    let cancelled = false;
    const waiting: WaitingTimer = {
      fire: () => {
        if (cancelled || this.#state === 'dropped') return;
        if (this.#state === 'frozen') this.#held.push(waiting);
        else callback();
      },
    };
    const timer = this.#clock.after(delayMs, waiting.fire);
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  turn(callback: () => void): Timer {
    return this.after(0, callback);
  }

  freeze(): void {
    if (this.#state === 'going') this.#state = 'frozen';
  }

  unfreeze(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'going';
    const held = this.#held;
    this.#held = [];
    // Set anew with no delay, so that each fires in a step of its own.
    for (const waiting of held) this.#clock.after(0, waiting.fire);
  }

  drop(): void {
    this.#state = 'dropped';
    this.#held = [];
  }
}

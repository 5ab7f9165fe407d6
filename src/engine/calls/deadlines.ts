/**
 * Owns the one timer behind all deadlines of calls.
 *
 * D1 At most one timer of the clock is set, whatever the number of calls; none when nothing is due.
 */
import { TimingWheel } from '../../core/call/timing-wheel.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { CallRecord } from './call-record.ts';

/** Deadlines of calls. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #due: (call: CallRecord) => void;
  readonly #wheel: TimingWheel<CallRecord>;
  #timer: Timer | null = null;
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, due: (call: CallRecord) => void) {
    this.#clock = clock;
    this.#due = due;
    this.#wheel = new TimingWheel<CallRecord>(clock.mono());
  }

  get size(): number {
    return this.#wheel.size;
  }

  /** Whether a timer of the clock is set. */
  get armed(): boolean {
    return this.#timer !== null;
  }

  set(call: CallRecord, atMs: number, nowMs: number): void {
    // An empty wheel is turned for nothing, so that it does not lag behind.
    if (this.#wheel.size === 0) this.#wheel.turn(nowMs, this.#due);
    const wakeAt = this.#wheel.set(call, atMs);
    if (wakeAt < this.#wakeAt) this.#arm(wakeAt, nowMs);
  }

  drop(call: CallRecord): void {
    this.#wheel.drop(call);
  }

  /** No timer is left. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#wakeAt = Number.POSITIVE_INFINITY;
  }

  #arm(atMs: number, nowMs: number): void {
    this.#timer?.cancel();
    this.#wakeAt = atMs;
    this.#timer = this.#clock.after(Math.max(0, atMs - nowMs), () => this.#turn());
  }

  #turn(): void {
    this.#timer = null;
    this.#wakeAt = Number.POSITIVE_INFINITY;
    const now = this.#clock.mono();
    this.#wheel.turn(now, this.#due);
    const next = this.#wheel.nextMs();
    if (next !== null && next < this.#wakeAt) this.#arm(next, now);
  }
}

/**
 * Owns when a question is asked that many wait for: at the earliest time that somebody named, one
 * at a time, with a rest after each.
 *
 * N1 What falls due in one turn is one question: it goes out at the end of the turn.
 */
import { type MonoMs, monoPlus } from '../core/time.ts';
import type { Clock, Timer } from '../ports/clock.ts';

/** What is asked, and when again. */
export interface QuestionHost {
  /** Asks, and never rejects; gives how long to rest, or null: there was nothing to ask. */
  ask(): Promise<number> | null;
  /** When to ask next; null: nobody waits. */
  nextAt(restUntil: MonoMs): MonoMs | null;
}

/** A question that is asked again and again. */
export class Question {
  readonly #clock: Clock;
  readonly #host: QuestionHost;
  #timer: { readonly at: MonoMs; readonly timer: Timer } | null = null;
  /** It is under way, or will be at the end of this turn. */
  #asking = false;
  #restUntil: MonoMs;
  #open = true;

  constructor(clock: Clock, host: QuestionHost) {
    this.#clock = clock;
    this.#host = host;
    this.#restUntil = clock.mono();
  }

  /** Somebody wants it asked by then. */
  by(at: MonoMs): void {
    if (!this.#open || this.#asking) return;
    const when = Math.max(at, this.#restUntil) as MonoMs;
    if (this.#timer !== null) {
      if (this.#timer.at <= when) return;
      this.#timer.timer.cancel();
      this.#timer = null;
    }
    const delayMs = when - this.#clock.mono();
    if (delayMs <= 0) {
      this.#asking = true;
      queueMicrotask(() => void this.#ask());
      return;
    }
    const timer = this.#clock.after(delayMs, () => {
      this.#timer = null;
      this.#asking = true;
      void this.#ask();
    });
    this.#timer = { at: when, timer };
  }

  /** It is not asked any more. */
  close(): void {
    this.#open = false;
    this.#timer?.timer.cancel();
  }

  async #ask(): Promise<void> {
    const asked = this.#host.ask();
    if (asked !== null) {
      const restMs = await asked;
      this.#restUntil = monoPlus(this.#clock.mono(), restMs);
    }
    this.#asking = false;
    const next = this.#host.nextAt(this.#restUntil);
    if (next !== null) this.by(next);
  }
}

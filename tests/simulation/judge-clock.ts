/**
 * Owns the judge's clock of a simulated database: the one by which leases are over. Its rule is
 * that of `src/store/judge-clock.ts`.
 *
 * Two rules that do not hold are kept as plants: both let the database's wall clock decide.
 */
import { type JudgeSeen, judgeStepMsMax } from '../../src/store/judge-clock.ts';

/** What moves the clock. */
export type JudgeRule = 'own-time' | 'bounded-wall' | 'wall';

/** As far as the plant that is bounded moves at once: a third of the usual lease. */
const wallStepMsMax = 5_000;

/** What is kept in the database. */
export interface JudgeState {
  readonly at: number;
  /** The wall clock when it was moved last. */
  readonly wall: number;
}

export class JudgeClock {
  readonly #rule: JudgeRule;
  readonly #wall: () => number;
  #state: JudgeState;

  constructor(rule: JudgeRule, wall: () => number) {
    this.#rule = rule;
    this.#wall = wall;
    this.#state = { at: 0, wall: wall() };
  }

  get state(): JudgeState {
    return this.#state;
  }

  /** What is made up for in times of this clock. The plants make up for nothing. */
  get stepMsMax(): number {
    return this.#rule === 'own-time' ? judgeStepMsMax : 0;
  }

  restore(state: JudgeState): void {
    this.#state = state;
  }

  now(): number {
    const { at } = this.#state;
    if (this.#rule === 'wall') return this.#wall();
    return this.#rule === 'own-time' ? at : at + this.#sinceMs();
  }

  /** A heartbeat of somebody who knows that the clock is at `least` by now. */
  beat(least: JudgeSeen | null, epoch: number): void {
    const { at } = this.#state;
    const known = least?.epoch === epoch ? least.judge : at;
    const to = this.#rule === 'own-time' ? Math.max(at, known) : at + this.#sinceMs();
    this.#state = { at: to, wall: this.#wall() };
  }

  #sinceMs(): number {
    return Math.min(Math.max(0, this.#wall() - this.#state.wall), wallStepMsMax);
  }
}

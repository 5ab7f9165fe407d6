/**
 * Owns what is known of each job's life in several processes: where it began and ended, and when.
 */
import type { CaseProcess } from '../case-process.ts';

/** Whoever tells of jobs: a process, as far as it is listened to. */
type Seat = Pick<CaseProcess, 'onEvent'>;

/** An outcome told this shortly before a death may not have been committed. */
const COMMIT_MS_MAX = 250;

interface Begun {
  readonly by: Seat;
  readonly beganMs: number;
  endedMs: number | null;
}

export class Lives {
  readonly #lives = new Map<number, Begun[]>();
  #ended = 0;
  #changed: () => void = () => {};

  constructor(seats: readonly Seat[]) {
    for (const by of seats) {
      by.onEvent(({ n, beganMs, endedMs }) => {
        const life = this.#lives.get(Number(n)) ?? [];
        this.#lives.set(Number(n), life);
        if (typeof beganMs === 'number') life.push({ by, beganMs, endedMs: null });
        else if (typeof endedMs === 'number') this.#end(life, by, endedMs);
        this.#changed();
      });
    }
  }

  /** Jobs that have ended at least once. */
  get ended(): number {
    return this.#ended;
  }

  /** Numbers that a process began and did not end. */
  held(by: Seat): readonly number[] {
    return [...this.#lives].flatMap(([n, life]) =>
      life.some((one) => one.by === by && one.endedMs === null) ? [n] : [],
    );
  }

  /** When a process began these, of those that it did since. */
  began(by: Seat, numbers: readonly number[], sinceMs: number): readonly number[] {
    return numbers.flatMap((n) => {
      const begun = this.#lives.get(n)?.find((one) => one.by === by && one.beganMs >= sinceMs);
      return begun === undefined ? [] : [begun.beganMs];
    });
  }

  /** How many times jobs began beyond what a death made necessary. */
  doubled(victim: Seat, killedAtMs: number): number {
    let doubled = 0;
    for (const life of this.#lives.values()) {
      const lost = life.some(
        ({ by, endedMs }) =>
          by === victim && (endedMs === null || endedMs > killedAtMs - COMMIT_MS_MAX),
      );
      doubled += Math.max(0, life.length - (lost ? 2 : 1));
    }
    return doubled;
  }

  /** Resolves when it holds; looked at after each event. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = () => {
        if (!holds()) return;
        this.#changed = () => {};
        resolve();
      };
      this.#changed();
    });
  }

  #end(life: readonly Begun[], by: Seat, endedMs: number): void {
    const open = life.find((one) => one.by === by && one.endedMs === null);
    if (open === undefined) return;
    if (life.every((one) => one.endedMs === null)) this.#ended += 1;
    open.endedMs = endedMs;
  }
}

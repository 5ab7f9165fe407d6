/**
 * Owns what the parent hears from seats at work: how far they are together, or of each job when it
 * began and ended.
 */
import type { Answer } from '../case.ts';
import { verify } from '../case.ts';
import type { CaseProcess } from '../case-process.ts';

interface Counts {
  readonly begun: number;
  readonly settled: number | null;
  readonly firstMs: number | null;
}

/** The counts of seats that were told to tell them. */
export class Progress {
  readonly #counts = new Map<CaseProcess, Counts>();
  #changed: () => void = () => {};

  constructor(seats: readonly CaseProcess[]) {
    for (const seat of seats) {
      seat.onEvent((event) => {
        this.#counts.set(seat, event as unknown as Counts);
        this.#changed();
      });
    }
  }

  get begun(): number {
    return this.#sum(({ begun }) => begun);
  }

  /** Null when a seat cannot tell. */
  get settled(): number | null {
    const unsure = [...this.#counts.values()].some(({ settled }) => settled === null);
    return unsure ? null : this.#sum(({ settled }) => settled ?? 0);
  }

  /** When the first handler of all began, on the clock of the host. */
  get firstMs(): number | null {
    const firsts = [...this.#counts.values()].flatMap(({ firstMs }) => firstMs ?? []);
    return firsts.length === 0 ? null : Math.min(...firsts);
  }

  /** Waits until it holds; false when the time is over before. */
  until(holds: () => boolean, ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const deadline = setTimeout(() => settle(false), ms);
      const settle = (held: boolean) => {
        clearTimeout(deadline);
        this.#changed = () => {};
        resolve(held);
      };
      this.#changed = () => {
        if (holds()) settle(true);
      };
      this.#changed();
    });
  }

  #sum(of: (counts: Counts) => number): number {
    return [...this.#counts.values()].reduce((sum, counts) => sum + of(counts), 0);
  }
}

/** Puts together which numbers ran in several seats, and verifies that none ran twice. */
export function ranOnce(answers: readonly Answer[]): number {
  const ranges: (readonly [number, number])[] = [];
  let ran = 0;
  for (const { numbers, begun } of answers) {
    const { ranges: ends, repeated } = numbers as {
      readonly ranges: readonly number[];
      readonly repeated: readonly number[];
    };
    verify(repeated.length === 0, `no job ran twice, but ${repeated.slice(0, 5).join(', ')} did`);
    for (let index = 0; index < ends.length; index += 2) {
      ranges.push([ends[index] ?? 0, ends[index + 1] ?? 0]);
    }
    ran += Number(begun);
  }
  ranges.sort(([a], [b]) => a - b);
  let last = 0;
  for (const [from, to] of ranges) {
    verify(from >= last, `no job ran in two processes, but ${from} did`);
    last = to;
  }
  return ran;
}

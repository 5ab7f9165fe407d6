/**
 * Owns how a backlog comes to be and is worked off: inserted with nobody at work, then executed by
 * one or more seats, from the first line of the first handler to the commit of the last outcome.
 */
import { numberOf } from '../bench.ts';
import { verify } from '../case.ts';
import type { CaseProcess } from '../case-process.ts';
import { hostMs } from '../cases/waits.ts';
import type { Place } from './contestant.ts';
import { Progress } from './progress.ts';

const LATE_MS_MAX = 60_000;

export interface WorkedOff {
  /** Jobs whose handlers ran; all of them, or what was possible in the time. */
  readonly done: number;
  readonly seconds: number;
}

/** Inserts the backlog; the rate of it. */
export async function insert(seat: CaseProcess, place: Place, jobs: number): Promise<number> {
  await seat.ask({ do: 'produce', place, style: 'throughput' });
  const answer = await seat.ask({ do: 'add-many', count: jobs });
  await seat.ask({ do: 'produced' });
  return jobs / numberOf(answer, 'seconds');
}

/** All handlers have run; now the last outcomes are being committed. */
async function untilSettled(
  [seat]: readonly CaseProcess[],
  progress: Progress,
  place: Place,
  jobs: number,
): Promise<void> {
  if (progress.settled !== null) {
    const settled = await progress.until(() => (progress.settled ?? 0) >= jobs, LATE_MS_MAX);
    verify(settled, `all ${jobs} outcomes are committed, found ${progress.settled}`);
    return;
  }
  const givesUpAt = hostMs() + LATE_MS_MAX;
  for (;;) {
    const left = await seat?.ask({ do: 'survey', place });
    if (left?.waiting === 0 && left.active === 0) return;
    verify(hostMs() < givesUpAt, 'all outcomes are committed');
  }
}

/** Works a backlog off, for no longer than `msMax` from the first handler on. */
export async function workOff(
  seats: readonly CaseProcess[],
  place: Place,
  terms: {
    readonly slots: number;
    readonly jobs: number;
    readonly msMax: number;
    readonly steps?: number;
  },
): Promise<WorkedOff> {
  const { slots, jobs, msMax, steps = 0 } = terms;
  const progress = new Progress(seats);
  const work = { do: 'work', place, slots, steps, style: 'throughput', telling: 'counts' };
  await Promise.all(seats.map((seat) => seat.ask(work)));
  const begun = await progress.until(() => progress.firstMs !== null, LATE_MS_MAX);
  verify(begun, 'a handler begins');
  const inTime = await progress.until(() => progress.begun >= jobs, msMax);
  if (inTime) await untilSettled(seats, progress, place, jobs);
  const seconds = (hostMs() - (progress.firstMs ?? Number.NaN)) / 1e3;
  const done = progress.begun;
  await Promise.all(seats.map((seat) => seat.ask({ do: 'worked' })));
  return { done, seconds };
}

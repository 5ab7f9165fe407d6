/**
 * Owns the trying again of calls that failed for a reason that passes.
 *
 * T1 A call is tried again only within its patience, and only if the server said that it did
 *    nothing, or the call finds out by itself what became of the first try.
 */
import { monoPlus } from '../../core/time.ts';
import { systemClock } from '../../system/clock.ts';
import { pause } from '../../system/pause.ts';
import { kindOf } from '../../system/postgres/faults.ts';

const clock = systemClock();

const firstPauseMs = 20;
const pauseMsMax = 500;

/**
 * Calls, and calls again while that fails for a passing reason and patience lasts. `again` is true
 * once a call broke off in a way that leaves open whether it was committed.
 */
export async function tried<T>(
  patienceMs: number,
  work: (again: boolean) => Promise<T>,
): Promise<T> {
  const givesUpAt = monoPlus(clock.mono(), patienceMs);
  let again = false;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
    try {
      return await work(again);
    } catch (error) {
      const kind = kindOf(error);
      if (kind === 'permanent' || monoPlus(clock.mono(), pauseMs) >= givesUpAt) throw error;
      again ||= kind === 'ambiguous';
    }
    await pause(pauseMs);
  }
}

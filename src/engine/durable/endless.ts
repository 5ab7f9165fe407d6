/**
 * Owns the warning of waits that nothing ends if what they wait for never comes.
 *
 * E1 It is said once for each function and name of a wait, and of a bounded number of them: it is
 *    the code that is to be mended, not the run.
 * E2 A wait is not endless if it has a timeout, if the run waits for a time beside it, or if the
 *    run has a deadline. Children end by themselves.
 */
import { firstUse } from '../../core/durable/keys.ts';
import type { Log } from '../../ports/log.ts';
import type { ClaimedRun } from '../../ports/store-runs.ts';
import type { WaitOp } from './ops.ts';

/** E1: functions and waits that are remembered. */
const toldMax = 1_000;

/** What was said by one node. */
export class EndlessWaits {
  readonly #told = new Set<string>();

  /** A run is parked with these waits. */
  look({ id, fn, deadlineAt }: ClaimedRun, waits: Iterable<WaitOp>, log: Log): void {
    if (deadlineAt !== null) return;
    const all = [...waits];
    if (all.some((wait) => wait.kind === 'child' || ends(wait))) return;
    for (const key of all.map((wait) => firstUse(wait.key))) {
      const what = `${fn} ${key}`;
      if (this.#told.has(what) || this.#told.size >= toldMax) continue;
      this.#told.add(what);
      const message =
        `'${fn}' waits for '${key}' without a timeout, and its run has no deadline: ` +
        'if that never comes, it waits for ever';
      log.log('warn', message, { run: id });
    }
  }
}

const ends = ({ wake, row }: WaitOp): boolean =>
  wake !== null || (row?.wait?.wakeAt ?? null) !== null;

/**
 * Owns the rule of the judge's clock where no clock is shared: the one of a database with nodes on
 * many machines. The database of the simulation and the Postgres store keep it alike.
 *
 * J1 It is kept in the database and moved by heartbeats only. Each brings the least that it can be
 *    by now: what it was at the node's last renewal that was answered, and what the node's own
 *    monotonic clock has counted since, but not more than `judgeStepMsMax`.
 * J2 So it never goes back, stands still while nobody reaches the database, and between two moments
 *    moves by no more than the time that has passed and one step. The wall clock has no say.
 * J3 After a failover it goes on from where the new server has it. What somebody saw before may be
 *    lost, and would move it by more than J2 allows: so what was seen has an epoch, and counts for
 *    nothing in another one.
 * J4 Who is given a time by this clock may be given it right before a step. So a renewal is written
 *    down as if it came later, by the step less the margin by which its node distrusts itself.
 *    Patience with an owner is longer by a whole step.
 */
import { trustMarginMs } from '../core/lease.ts';
import type { MonoMs } from '../core/time.ts';

/** How far one heartbeat moves it at the most: the usual time between two, and some more. */
export const judgeStepMsMax = 3_500;

/** How soon to look again for what this clock has nearly reached: it stands between two beats. */
export const judgeLookMsMin = 250;

/** J4: by how much later a renewal is written down, under a clock that moves in such steps. */
export const renewalAheadMs = (ttlMs: number, stepMsMax: number): number =>
  Math.max(0, stepMsMax - trustMarginMs(ttlMs));

/** The judge's clock in the eyes of a node. */
export interface JudgeSeen {
  readonly judge: number;
  /** J3 */
  readonly epoch: number;
}

/** What one node knows of the judge's clock: from its last renewal that was answered. */
export class JudgeSight {
  #seen: JudgeSeen | null = null;
  #at = 0;

  /** `at`: when the answer had come, so that less is counted than has passed, never more. */
  answered(seen: JudgeSeen, at: MonoMs): void {
    this.#seen = seen;
    this.#at = at;
  }

  /** The least that the judge's clock can be by now. */
  least(now: MonoMs): JudgeSeen | null {
    if (this.#seen === null) return null;
    const { judge, epoch } = this.#seen;
    return { judge: judge + Math.min(now - this.#at, judgeStepMsMax), epoch };
  }
}

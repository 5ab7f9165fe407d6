/**
 * Owns the judge's clock of a simulated database: the one by which leases are over.
 *
 * J1 It is kept in the database and moved by heartbeats only. Each brings the least that it can be
 *    by now: what it was at the node's last renewal that was answered, and what the node's own
 *    monotonic clock has counted since, but not more than `judgeStepMsMax`.
 * J2 So it never goes back, stands still while nobody reaches the database, and between two moments
 *    moves by no more than the time that has passed and one step. The wall clock has no say.
 * J3 After a failover it goes on from where the new server has it. What somebody saw before may be
 *    lost, and would move it by more than J2 allows.
 * J4 Who is given a time by this clock may be given it right before a step. So a renewal is written
 *    down as if it came `renewalAheadMs` later: with the margin by which every node distrusts
 *    itself, that makes up for a step. Patience with an owner is longer by a whole step.
 *
 * Two rules that do not hold are kept as plants: both let the database's wall clock decide.
 */
import type { MonoMs } from '../../src/core/time.ts';
import type { RunRow, Tables } from '../../src/store/verbs/tables.ts';

/** What moves the clock. */
export type JudgeRule = 'own-time' | 'bounded-wall' | 'wall';

/** How far one heartbeat moves it at the most: the usual time between two, and some more. */
const judgeStepMsMax = 3_500;
/** The part of a lease by which every node distrusts itself. */
const trustMarginMs = 2_000;
const renewalAheadMs = judgeStepMsMax - trustMarginMs;
/** As far as the plant that is bounded moves at once: a third of the usual lease. */
const wallStepMsMax = 5_000;

/** What is kept in the database. */
export interface JudgeState {
  readonly at: number;
  /** The wall clock when it was moved last. */
  readonly wall: number;
}

/** The judge's clock in the eyes of a node. */
export interface JudgeSeen {
  readonly judge: number;
  /** J3 */
  readonly epoch: number;
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

  /** J4: the same tables, with what is added to times of this clock when they are written. */
  generous<T extends Tables>(tables: T): T {
    if (this.#rule !== 'own-time') return tables;
    const { runs, nodes } = tables;
    const update: T['runs']['update'] = (before, after) =>
      runs.update(before, patient(before, after));
    return {
      ...tables,
      runs: { ...runs, update },
      nodes: {
        ...nodes,
        insert: (record) =>
          nodes.insert({ ...record, renewedAt: record.renewedAt + renewalAheadMs }),
        update(record) {
          // Whatever is not a renewal is an end, or its beginning.
          const renews = nodes.byKey(record.node)?.state === record.state;
          const renewedAt = record.renewedAt + (renews ? renewalAheadMs : 0);
          nodes.update({ ...record, renewedAt });
        },
      },
    };
  }

  #sinceMs(): number {
    return Math.min(Math.max(0, this.#wall() - this.#state.wall), wallStepMsMax);
  }
}

function patient(before: RunRow, after: RunRow): RunRow {
  const { overdueAt } = after;
  const given = overdueAt !== null && Math.abs(overdueAt - (before.overdueAt ?? 0)) > 1;
  return given ? { ...after, overdueAt: overdueAt + judgeStepMsMax } : after;
}

/** What one node knows of the judge's clock: from its last renewal that was answered. */
export class JudgeSight {
  #seen: JudgeSeen | null = null;
  #at = 0;

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

/**
 * Owns the translation between the flat row that is stored and the state machine's union.
 *
 * Y1 Row to state to row loses nothing that the state machine knows.
 */

import { HoldfastError } from '../../core/errors.ts';
import type { Patience } from '../../core/execution/deadline.ts';
import type { NodeKey, Run, RunSpine, RunTerms, Stop } from '../../core/execution/run.ts';
import type { ErrorDetail, Outcome, OutcomeKind } from '../../core/outcome.ts';
import type { WallMs } from '../../core/time.ts';
import type { RunPolicy } from '../../ports/store-runs.ts';
import type { RunFacts, RunRow, RunState } from './tables.ts';

/** The terms of a run: its policy, and what stands in its own row. */
export const termsOf = (
  facts: RunFacts & { readonly pin?: string | null },
  policy: RunPolicy,
): RunTerms => ({
  hasLane: facts.lane !== null,
  // A run is pinned with the first step that is kept.
  hasSteps: (facts.pin ?? null) !== null,
  deadlineAt: facts.deadlineAt,
  retry: policy.retry,
  onCrash: policy.onCrash,
  crashesMax: policy.crashesMax,
  attemptTimeoutMs: policy.attemptTimeoutMs,
  graceMs: policy.graceMs,
});

/** An error as it is kept in a row. */
export const errorOf = (text: string | null): ErrorDetail | null =>
  text === null ? null : (JSON.parse(text) as ErrorDetail);

/** The outcome of a row that is done, else null. */
export function outcomeOf(row: RunState): Outcome | null {
  if (row.outcome === null) return null;
  return { kind: row.outcome, error: errorOf(row.error) };
}

function present<T>(value: T | null, column: string, row: RunRow): T {
  if (value !== null) return value;
  throw new HoldfastError('internal.defect', `run ${row.id} is ${row.stage} without ${column}`);
}

const stopOf = (row: RunRow): Stop | null =>
  row.stopCause === null
    ? null
    : {
        cause: row.stopCause,
        reason: row.stopReason ?? '',
        since: present(row.stopSince, 'stopSince', row),
      };

/** The state of a row. */
export function stateOf(row: RunRow): Run {
  const spine: RunSpine = {
    attempt: row.attempt,
    fence: row.fence,
    failures: row.failures,
    crashes: row.crashes,
    places: { lane: row.laneHeld, tenant: row.tenantHeld },
  };
  switch (row.stage) {
    case 'time':
    case 'lane':
    case 'tenant':
    case 'slot':
      return {
        ...spine,
        status: 'queued',
        gate: row.stage,
        dueAt: row.dueAt ?? row.acceptedAt,
        stop: stopOf(row),
      };
    case 'running':
      return {
        ...spine,
        status: 'running',
        owner: present(row.owner, 'owner', row),
        startedAt: present(row.startedAt, 'startedAt', row),
        stop: stopOf(row),
      };
    case 'parked':
      return { ...spine, status: 'parked', wakeAt: row.dueAt, lingering: row.owner };
    case 'quarantined':
      return {
        ...spine,
        status: 'quarantined',
        since: present(row.finishedAt, 'finishedAt', row),
        cause: present(errorOf(row.error), 'error', row),
      };
    case 'done':
      return {
        ...spine,
        status: 'done',
        outcome: present(outcomeOf(row), 'outcome', row),
        finishedAt: present(row.finishedAt, 'finishedAt', row),
        lingering: row.owner,
      };
  }
}

/**
 * What the verbs decide beside the state machine: places in an order, and the patience with an
 * owner.
 */
export interface Placing {
  readonly rank: number | null;
  readonly tag: number | null;
  readonly waitKey: number | null;
}

/** Stands in no order. */
export const placedNowhere: Placing = { rank: null, tag: null, waitKey: null };

const unowned = {
  owner: null,
  stopCause: null,
  stopReason: null,
  stopSince: null,
  overdueAt: null,
  overdueCause: null,
} as const;

const stopColumns = (stop: Stop | null) => ({
  stopCause: stop?.cause ?? null,
  stopReason: stop?.reason ?? null,
  stopSince: stop?.since ?? null,
});

/** What follows from the state of a run; its pin does not. */
type StateColumns = Omit<RunState, 'pin'>;

/** The columns of a state. `startedAt` keeps the last claim; `judge` dates the patience. */
export function columnsOf(
  run: Run,
  placing: Placing,
  startedAt: WallMs | null,
  patience: { readonly wait: Patience; readonly judge: number } | null,
): StateColumns {
  const base = {
    attempt: run.attempt,
    fence: run.fence,
    failures: run.failures,
    crashes: run.crashes,
    laneHeld: run.places.lane,
    tenantHeld: run.places.tenant,
    startedAt,
    ...placing,
    ...unowned,
    dueAt: null as WallMs | null,
    outcome: null as OutcomeKind | null,
    finishedAt: null as WallMs | null,
    error: null as string | null,
    owner: null as NodeKey | null,
  };
  const asked = {
    overdueAt: patience === null ? null : patience.judge + patience.wait.forMs,
    overdueCause: patience?.wait.cause ?? null,
  };
  switch (run.status) {
    case 'queued':
      return { ...base, ...asked, ...stopColumns(run.stop), stage: run.gate, dueAt: run.dueAt };
    case 'running':
      return {
        ...base,
        ...asked,
        ...stopColumns(run.stop),
        stage: 'running',
        owner: run.owner,
        startedAt: run.startedAt,
      };
    case 'parked':
      return { ...base, stage: 'parked', dueAt: run.wakeAt, owner: run.lingering };
    case 'quarantined':
      return {
        ...base,
        stage: 'quarantined',
        finishedAt: run.since,
        error: JSON.stringify(run.cause),
      };
    case 'done':
      return {
        ...base,
        stage: 'done',
        owner: run.lingering,
        outcome: run.outcome.kind,
        finishedAt: run.finishedAt,
        error: run.outcome.error === null ? null : JSON.stringify(run.outcome.error),
      };
  }
}

/**
 * Owns the stored form of one run in stores that have tables: the codes of its words, and the order
 * of its columns.
 *
 * W1 Codes are a stored format: a number is never given to another word.
 */
import type { OverdueCause } from '../core/execution/deadline.ts';
import type { NodeKey } from '../core/execution/run.ts';
import type { Fence } from '../core/fence.ts';
import type { OutcomeKind } from '../core/outcome.ts';
import type { WallMs } from '../core/time.ts';
import type { RunFacts, RunRow, RunState, Stage } from './verbs/tables.ts';

/** The number of each stage. The gates come first and together: queued is `<= slot`. */
export const stageCodes = {
  time: 1,
  lane: 2,
  tenant: 3,
  slot: 4,
  running: 5,
  parked: 6,
  quarantined: 7,
  done: 8,
} as const satisfies Record<Stage, number>;

/** The number of each outcome. */
export const outcomeCodes = {
  succeeded: 1,
  failed: 2,
  cancelled: 3,
  'timed-out': 4,
  rejected: 5,
  lost: 6,
} as const satisfies Record<OutcomeKind, number>;

const stages = Object.keys(stageCodes) as readonly Stage[];
const outcomes = Object.keys(outcomeCodes) as readonly OutcomeKind[];

/** Every column of `runs`, in the order of `RunTuple`. */
export const runColumns =
  'seq, id, fn, lane, lane_width, tenant, priority_seconds, tags, policy, accepted_at, ' +
  'deadline_at, retry_of, stage, attempt, fence, failures, crashes, lane_held, tenant_held, ' +
  'due_at, rank, tag, wait_key, owner, started_at, stop_cause, stop_reason, stop_since, ' +
  'overdue_at, overdue_cause, outcome, finished_at, error, trace, pin';

/** A row of `runs` as a store gives it. */
export type RunTuple = readonly [
  seq: number,
  id: string,
  fn: string,
  lane: string | null,
  laneWidth: number,
  tenant: string,
  prioritySeconds: number,
  tags: string,
  policy: number,
  acceptedAt: number,
  deadlineAt: number | null,
  retryOf: string | null,
  stage: number,
  attempt: number,
  fence: number,
  failures: number,
  crashes: number,
  laneHeld: number,
  tenantHeld: number,
  dueAt: number | null,
  rank: number | null,
  tag: number | null,
  waitKey: number | null,
  owner: number | null,
  startedAt: number | null,
  stopCause: 'cancel' | 'deadline' | null,
  stopReason: string | null,
  stopSince: number | null,
  overdueAt: number | null,
  overdueCause: OverdueCause | null,
  outcome: number | null,
  finishedAt: number | null,
  error: string | null,
  trace: string | null,
  pin: string | null,
];

const noTags: readonly string[] = Object.freeze([]);

const tagsOf = (text: string): readonly string[] =>
  text === '[]' ? noTags : (JSON.parse(text) as string[]);

/** The word of a stage's number. */
export const stageOf = (code: number): Stage => stages[code - 1] as Stage;

/** The word of an outcome's number. */
export const outcomeOf = (code: number): OutcomeKind => outcomes[code - 1] as OutcomeKind;

/** A run from its stored form. */
export function runOf(tuple: RunTuple): RunRow {
  return {
    seq: tuple[0],
    id: tuple[1],
    fn: tuple[2],
    lane: tuple[3],
    laneWidth: tuple[4],
    tenant: tuple[5],
    prioritySeconds: tuple[6],
    tags: tagsOf(tuple[7]),
    policy: tuple[8],
    acceptedAt: tuple[9] as WallMs,
    deadlineAt: tuple[10] as WallMs | null,
    retryOf: tuple[11],
    stage: stageOf(tuple[12]),
    attempt: tuple[13],
    fence: tuple[14] as Fence,
    failures: tuple[15],
    crashes: tuple[16],
    laneHeld: tuple[17] === 1,
    tenantHeld: tuple[18] === 1,
    dueAt: tuple[19] as WallMs | null,
    rank: tuple[20],
    tag: tuple[21],
    waitKey: tuple[22],
    owner: tuple[23] as NodeKey | null,
    startedAt: tuple[24] as WallMs | null,
    stopCause: tuple[25],
    stopReason: tuple[26],
    stopSince: tuple[27] as WallMs | null,
    overdueAt: tuple[28],
    overdueCause: tuple[29],
    outcome: tuple[30] === null ? null : outcomeOf(tuple[30]),
    finishedAt: tuple[31] as WallMs | null,
    error: tuple[32],
    trace: tuple[33],
    pin: tuple[34],
  };
}

/** The stored form of a run. */
export function tupleOf(seq: number, row: RunFacts & RunState): RunTuple {
  return [
    seq,
    row.id,
    row.fn,
    row.lane,
    row.laneWidth,
    row.tenant,
    row.prioritySeconds,
    row.tags.length === 0 ? '[]' : JSON.stringify(row.tags),
    row.policy,
    row.acceptedAt,
    row.deadlineAt,
    row.retryOf,
    stageCodes[row.stage],
    row.attempt,
    row.fence,
    row.failures,
    row.crashes,
    row.laneHeld ? 1 : 0,
    row.tenantHeld ? 1 : 0,
    row.dueAt,
    row.rank,
    row.tag,
    row.waitKey,
    row.owner,
    row.startedAt,
    row.stopCause,
    row.stopReason,
    row.stopSince,
    row.overdueAt,
    row.overdueCause,
    row.outcome === null ? null : outcomeCodes[row.outcome],
    row.finishedAt,
    row.error,
    row.trace,
    row.pin,
  ];
}

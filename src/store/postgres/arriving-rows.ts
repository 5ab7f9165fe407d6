/**
 * Owns the rows that a moved run becomes: which tables it stands in here.
 *
 * R1 A run stands in `ended` if it is done, else in `live`: it was at rest when it left, so that it
 *    has no owner and its code executes nowhere.
 */
import { HoldfastError } from '../../core/errors.ts';
import { queueOf } from '../../core/queue.ts';
import { closingColumnList, kinColumnList } from '../kin-tuple.ts';
import type { MovedBlock, MovedFlow, MovedRun, MovedStep } from '../moving.ts';
import { type RunTuple, stageCodes } from '../run-tuple.ts';
import { type EventTuple, eventColumnList, stepColumnList } from '../step-tuple.ts';

/** Rows by their table, in the order in which they are written. */
export interface ArrivingRows {
  readonly runs: readonly object[];
  readonly live: readonly object[];
  readonly ended: readonly object[];
  readonly attempts: readonly object[];
  readonly progress: readonly object[];
  readonly log_lines: readonly object[];
  readonly log_drops: readonly object[];
  readonly part_sums: readonly object[];
  readonly signals: readonly object[];
  readonly run_state: readonly object[];
  readonly kin: readonly object[];
  readonly closings: readonly object[];
}

/** The rows of a batch. `policyOf` gives the key that a policy has here. */
export function rowsOf(
  batch: readonly MovedRun[],
  policyOf: (policy: number) => number,
): ArrivingRows {
  const done = batch.filter(({ run }) => run[12] === stageCodes.done);
  const unfinished = batch.filter(({ run }) => run[12] !== stageCodes.done);
  return {
    runs: batch.map(({ run, input }) => factsOf(run, input, policyOf(run[8]))),
    live: unfinished.map(({ run, kin }) => ({ ...liveOf(run), kin: kin === null ? null : 1 })),
    ended: done.map(({ run, result }) => endedOf(run, result)),
    attempts: batch.flatMap(({ run: [seq], attempts }) =>
      attempts.map(([attempt, node, startedAt, endedAt, ending, error]) => ({
        ...{ seq, attempt, node, ending, error },
        started_at: startedAt,
        ended_at: endedAt,
      })),
    ),
    progress: batch.flatMap(({ run: [seq], progress }) =>
      progress === null ? [] : [{ seq, progress }],
    ),
    log_lines: batch.flatMap(({ run: [seq], lines }) =>
      lines.map(([n, attempt, at, level, message, fields]) => ({
        ...{ seq, n, attempt, at, level, message, fields },
      })),
    ),
    log_drops: batch.flatMap(({ run: [seq], dropped }) =>
      dropped === 0 ? [] : [{ seq, dropped }],
    ),
    part_sums: batch.flatMap(({ run: [seq], parts }) => {
      if (parts === null) return [];
      const [kept, bytes, dropped, fence, sent] = parts;
      return [{ seq, kept, bytes, dropped, fence, sent }];
    }),
    signals: batch.flatMap(({ run: [seq], signals }) =>
      signals.map(([n, id, name, data, at, taken]) => ({
        ...{ seq, n, id, name, data, at },
        taken: taken === 1,
      })),
    ),
    run_state: batch.flatMap(({ run: [seq], state }) =>
      state.map(([name, value, attempt, at]) => ({ seq, name, value, attempt, at })),
    ),
    kin: batch.flatMap(({ kin }) => (kin === null ? [] : [named(kinColumnList, kin)])),
    closings: batch.flatMap(({ closing }) =>
      closing === null ? [] : [named(closingColumnList, closing)],
    ),
  };
}

const factsOf = (run: RunTuple, input: string, policy: number): object => ({
  seq: run[0],
  id: run[1],
  fn: run[2],
  lane: run[3],
  lane_width: run[4],
  tenant: run[5],
  priority_seconds: run[6],
  tags: run[7],
  policy,
  accepted_at: run[9],
  deadline_at: run[10],
  retry_of: run[11],
  trace: run[33],
  input,
});

/** R1 */
function liveOf(run: RunTuple): object {
  const [seq, id, fn, lane] = run;
  if (run[12] === stageCodes.running || run[23] !== null) {
    throw new HoldfastError('internal.defect', `run ${id} is not at rest and cannot be moved`);
  }
  return {
    ...{ seq, lane },
    fn: queueOf(fn, run[34]),
    tenant: run[5],
    deadline_at: run[10],
    stage: run[12],
    attempt: run[13],
    fence: run[14],
    failures: run[15],
    crashes: run[16],
    lane_held: run[17] === 1,
    tenant_held: run[18] === 1,
    due_at: run[19],
    rank: run[20],
    tag: run[21],
    wait_key: run[22],
    owner: null,
    started_at: run[24],
    stop_cause: null,
    stop_reason: null,
    stop_since: null,
    overdue_at: null,
    overdue_cause: null,
    finished_at: run[31],
    error: run[32],
  };
}

const endedOf = (run: RunTuple, result: string | null): object => ({
  seq: run[0],
  outcome: run[30],
  finished_at: run[31],
  error: run[32],
  result,
  attempt: run[13],
  fence: run[14],
  failures: run[15],
  crashes: run[16],
  started_at: run[24],
  pin: run[34],
});

const named = (columns: readonly string[], values: readonly unknown[]): object =>
  Object.fromEntries(columns.map((column, at) => [column, values[at]]));

/** A step as a row. */
export const stepRow = ({ step, tenant }: MovedStep): object => ({
  ...named(stepColumnList, step),
  tenant,
});

/** A block of parts as a row. */
export const blockRow = ([seq, first, count, attempt, content]: MovedBlock): object => ({
  ...{ seq, first, count, attempt, content },
});

/** A key of flow control as a row, as if it had been written for the first time. */
export const flowRow = ([fn, tenant, key, term, state, seq, expiresAt]: MovedFlow): object => ({
  ...{ fn, tenant, key, term, n: 1, state, seq },
  expires_at: expiresAt,
});

/** An event as a row. */
export const eventRow = (event: EventTuple): object => named(eventColumnList, event);

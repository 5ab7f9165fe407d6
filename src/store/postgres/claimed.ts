/**
 * Owns the form in which `claim` hands runs out.
 */
import type { Fence } from '../../core/fence.ts';
import type { WallMs } from '../../core/time.ts';
import type { ClaimedRun, RunPolicy, StopOrder } from '../../ports/store-runs.ts';

/** What few runs have, and the place of the run that has it. */
type More = readonly [
  at: number,
  attempt: number,
  failures: number,
  lane: string | null,
  tags: string,
  retryOf: string | null,
  trace: string | null,
  pin: string | null,
  stopCause: StopOrder['cause'] | null,
  stopReason: string | null,
];

/**
 * Runs as the function gives them: column by column, which is less to write and to read than run by
 * run. Stored format: it is made by a function of the schema.
 */
export interface ClaimedColumns {
  readonly seq: readonly number[];
  readonly id: readonly string[];
  readonly fn: readonly string[];
  readonly fence: readonly number[];
  readonly input: readonly string[];
  readonly tenant: readonly string[];
  readonly accepted: readonly number[];
  readonly deadline: readonly (number | null)[];
  readonly policy: readonly number[];
  /** A run that is not named here is at its first attempt, and has none of the others. */
  readonly more: readonly More[] | null;
}

/** The runs as their new owner gets them. */
export function claimedRuns(
  columns: ClaimedColumns,
  policyOf: (key: number) => RunPolicy,
): readonly ClaimedRun[] {
  const more = new Map(columns.more?.map((one) => [one[0], one]));
  return columns.seq.map((seq, at): ClaimedRun => {
    const [, attempt = 1, failures = 0, lane = null, tags = '[]', retryOf = null, ...rest] =
      more.get(at) ?? [];
    const [trace = null, pin = null, stopCause = null, stopReason = null] = rest;
    return {
      seq,
      id: columns.id[at] as string,
      fn: columns.fn[at] as string,
      pin,
      attempt,
      failures,
      fence: columns.fence[at] as Fence,
      input: columns.input[at] as string,
      lane,
      tenant: columns.tenant[at] as string,
      tags: tags === '[]' ? [] : (JSON.parse(tags) as string[]),
      acceptedAt: columns.accepted[at] as WallMs,
      deadlineAt: columns.deadline[at] as WallMs | null,
      retryOf,
      trace,
      ...(stopCause === null ? {} : { stop: { cause: stopCause, reason: stopReason ?? '' } }),
      policy: policyOf(columns.policy[at] as number),
    };
  });
}

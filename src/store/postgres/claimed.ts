/**
 * Owns the form in which `claim` hands a run out.
 */
import type { Fence } from '../../core/fence.ts';
import type { WallMs } from '../../core/time.ts';
import type { ClaimedRun, RunPolicy } from '../../ports/store-runs.ts';

/** A run as the function gives it. Stored format: it is made by a function of the schema. */
export type ClaimTuple = readonly [
  seq: number,
  id: string,
  fn: string,
  attempt: number,
  failures: number,
  fence: number,
  input: string,
  lane: string | null,
  tenant: string,
  tags: string,
  acceptedAt: number,
  deadlineAt: number | null,
  policy: number,
];

/** The run as its new owner gets it. */
export const claimedRun = (tuple: ClaimTuple, policy: RunPolicy): ClaimedRun => ({
  seq: tuple[0],
  id: tuple[1],
  fn: tuple[2],
  attempt: tuple[3],
  failures: tuple[4],
  fence: tuple[5] as Fence,
  input: tuple[6],
  lane: tuple[7],
  tenant: tuple[8],
  tags: tuple[9] === '[]' ? [] : (JSON.parse(tuple[9]) as string[]),
  acceptedAt: tuple[10] as WallMs,
  deadlineAt: tuple[11] as WallMs | null,
  policy,
});

/**
 * Owns the plain run that cases give to the store port: no lane, no due time, the default policy.
 */
import { retryDefault } from '../../src/core/retry.ts';
import type { RunPolicy, StartItem } from '../../src/ports/store-runs.ts';

const policy: RunPolicy = {
  ...{ retry: retryDefault, onCrash: 'retry', crashesMax: 3 },
  ...{ attemptTimeoutMs: null, graceMs: 5_000 },
};

/** One run of the function `noop`. */
export const startItem = (id: string, n: number): StartItem => ({
  ...{ id, idempotent: false, fn: 'noop', input: `{"n":${n}}`, tags: [] },
  ...{ lane: null, laneWidth: 1, tenant: 'default', prioritySeconds: 0 },
  ...{ dueAt: null, deadlineAt: null, policy },
});

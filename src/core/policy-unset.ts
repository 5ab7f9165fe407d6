/**
 * Owns the policy of runs whose definition says nothing, or is not at hand.
 */
import { retryDefault } from './retry.ts';

/** The values; what each means stands at the type of a policy. */
export const policyUnset = {
  retry: retryDefault,
  onCrash: 'retry',
  crashesMax: 3,
  attemptTimeoutMs: null,
  graceMs: 5_000,
} as const;

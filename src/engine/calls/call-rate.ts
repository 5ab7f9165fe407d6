/**
 * Owns how many calls of one function a tenant may begin within so long, in one process.
 *
 * R1 What is refused uses nothing up, whatever refuses it.
 * R2 Memory is bounded: past so many tenants the one that came first is forgotten, and has its
 *    whole rate again.
 */
import { HoldfastError } from '../../core/errors.ts';
import { type FlowBucket, type Pace, type Taken, takeBucket } from '../../core/flow.ts';
import { limits } from '../../core/limits.ts';

/** The rate of one function. */
export class CallRate {
  pace: Pace;
  readonly #buckets = new Map<string, FlowBucket>();

  constructor(pace: Pace) {
    this.pace = pace;
  }

  /** Whether one more call of the tenant is within the rate. Changes nothing. */
  ask(tenant: string, nowMs: number): Taken<FlowBucket> {
    return takeBucket(this.#buckets.get(tenant) ?? null, this.pace, nowMs);
  }

  /** What `ask` gave is what holds from now on. */
  use(tenant: string, bucket: FlowBucket): void {
    if (!this.#buckets.has(tenant) && this.#buckets.size >= limits.callRateTenantsMax) {
      const [first] = this.#buckets.keys();
      if (first !== undefined) this.#buckets.delete(first);
    }
    this.#buckets.set(tenant, bucket);
  }
}

/** The refusal of a call that is past its rate. */
export function rateError(fn: string, tenant: string, retryAfterMs: number): HoldfastError {
  const message = `the tenant '${tenant}' calls '${fn}' more often than its rate allows`;
  return new HoldfastError('rate.limited', message, { details: { fn, tenant, retryAfterMs } });
}

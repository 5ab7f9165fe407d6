/**
 * Owns what a function's nodes tell callers who know only its name.
 *
 * T1 What stands in the definition as a value is told, so that a run started by name has the
 *    policy, the lane and the tenant that it would have had with the definition.
 * T2 What is computed from the input takes the definition. A lane or tenant of that kind has to be
 *    given by the caller: to leave it out would let the run pass beside its lane, so it is refused.
 */
import { HoldfastError } from '../core/errors.ts';
import type { FunctionParts, FunctionTerms } from '../define-function.ts';
import type { StartTerms } from '../ports/store-nodes.ts';

/** What is told of a definition. */
export function startTermsOf({ terms, policy, laneWidth, totalMs }: FunctionParts): StartTerms {
  const { lane, tenant, priority, tags } = terms;
  return {
    policy,
    laneWidth,
    totalMs,
    lane: typeof lane === 'string' ? lane : null,
    laneComputed: typeof lane === 'function',
    tenant: typeof tenant === 'string' ? tenant : null,
    tenantComputed: typeof tenant === 'function',
    prioritySeconds: typeof priority === 'number' ? priority : null,
    tags: typeof tags === 'object' ? tags : null,
  };
}

/** A definition made from what was told of it; it can be started, not executed. */
export function partsOfTold(name: string, told: StartTerms): FunctionParts {
  const { policy, laneWidth, totalMs } = told;
  const missing = (what: string) => (): never => {
    const message = `that takes the definition of '${name}'; give the definition, or the ${what}`;
    throw new HoldfastError('request.invalid', message);
  };
  const lane = told.laneComputed ? missing('lane') : told.lane;
  const tenant = told.tenantComputed ? missing('tenant') : told.tenant;
  const terms: FunctionTerms<unknown> = {
    name,
    ...(lane === null ? {} : { lane }),
    ...(tenant === null ? {} : { tenant }),
    ...(told.prioritySeconds === null ? {} : { priority: told.prioritySeconds }),
    ...(told.tags === null ? {} : { tags: told.tags }),
  };
  return { digest: '', schema: null, terms, laneWidth, policy, totalMs, run: missing('code') };
}

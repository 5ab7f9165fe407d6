/**
 * Owns what a function's nodes tell callers who know only its name.
 *
 * T1 What stands in the definition as a value is told, so that a run started by name has the
 *    policy, the lane and the tenant that it would have had with the definition.
 * T2 What is computed from the input takes the definition. A lane, a tenant or a key of flow
 *    control of that kind has to be given by the caller: to leave it out would let the run pass
 *    beside it, so it is refused.
 */
import { HoldfastError } from '../core/errors.ts';
import type { FunctionParts, FunctionTerms } from '../define-function.ts';
import type { StartTerms } from '../ports/store-nodes.ts';
import { flowOfTold, toldFlow } from './flow-item.ts';

/** What is told of a definition. */
export function startTermsOf({
  terms,
  policy,
  laneWidth,
  totalMs,
  signals,
}: FunctionParts): StartTerms {
  const { lane, tenant, priority, tags, flow } = terms;
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
    ...(signals !== null && { signals: [...signals.keys()] }),
    ...(flow === undefined ? {} : { flow: toldFlow(flow) }),
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
    ...(told.flow === undefined ? {} : { flow: flowOfTold(told.flow, missing) }),
  };
  const signals =
    told.signals === undefined ? null : new Map(told.signals.map((one) => [one, null]));
  const fixed = { laneWidth, policy, totalMs, signals };
  const code = { run: missing('code'), batch: null };
  return { digest: '', schema: null, terms, ...fixed, ...code };
}

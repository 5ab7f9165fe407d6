/**
 * Owns what becomes of a definition when it can be called.
 */
import { Gate } from '../../core/call/gate.ts';
import { callTermsOf, laneKeyOf } from '../../core/call/terms.ts';
import { invalid } from '../../core/check.ts';
import { type AnyFunction, type FunctionParts, partsOf } from '../../define-function.ts';
import type { CallPlace, CallTarget, PlaceWords } from '../../engine/calls/call-target.ts';
import { checkBy } from '../../engine/schema.ts';
import { laneOf, priorityOf, tenantOf } from '../start-item.ts';

/** The target of a definition. Throws `request.invalid` for what is none. */
export function callTarget(fn: AnyFunction, timeoutMsDefault: number): CallTarget {
  const parts = partsOf(fn);
  if (parts === null) throw invalid('a function', fn, 'give what defineFunction() returned');
  if (parts.batch !== null) {
    throw invalid('a function', fn.name, 'it takes many runs at once, and cannot be called');
  }
  const { terms, schema, policy, totalMs, run } = parts;
  const { call = {}, concurrency } = terms;
  const side = { graceMs: policy.graceMs, attemptMs: policy.attemptTimeoutMs, totalMs };
  const standing = standingPlace(fn.name, parts);
  return {
    name: fn.name,
    version: fn.version,
    terms: callTermsOf(side, call, timeoutMsDefault),
    help: call.help ?? fn.name,
    tags: call.tags ?? 'holdfast',
    gate: concurrency === undefined ? null : new Gate(fn.name, concurrency),
    read: schema === null ? null : (input) => checkBy(schema, input),
    run,
    placeOf(input, words, prefix) {
      const { lane, tenant, priority } = words;
      const bare = lane === undefined && tenant === undefined && priority === undefined;
      if (standing !== null && bare && prefix === null) return standing;
      return placeOf(fn.name, parts, input, words, prefix);
    },
  };
}

/** The place of all calls of a function that computes nothing, or null. */
function standingPlace(name: string, parts: FunctionParts): CallPlace | null {
  const { lane, tenant, priority } = parts.terms;
  if ([lane, tenant, priority].some((one) => typeof one === 'function')) return null;
  return placeOf(name, parts, null, {}, null);
}

function placeOf(
  name: string,
  parts: FunctionParts,
  input: unknown,
  words: PlaceWords,
  prefix: string | null,
): CallPlace {
  let laneWidth = parts.laneWidth;
  const find = (): string | null => {
    const found = laneOf(name, parts, input, words);
    laneWidth = found.laneWidth;
    return found.lane;
  };
  return {
    lane: words.lane === undefined ? laneKeyOf(name, prefix, find) : find(),
    laneWidth,
    tenant: tenantOf(name, parts, input, words),
    prioritySeconds: priorityOf(name, parts, input, words),
  };
}

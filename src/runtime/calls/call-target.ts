/**
 * Owns what becomes of a definition when it can be called.
 *
 * T1 A definition that takes the place of another one takes over its gate and its rate: calls of
 *    both count together.
 * T2 Calls of a function that takes many at once are gathered among themselves, apart from runs.
 */
import { Gate } from '../../core/call/gate.ts';
import { callTermsOf, laneKeyOf } from '../../core/call/terms.ts';
import { invalid } from '../../core/check.ts';
import type { Pace } from '../../core/flow.ts';
import { type AnyFunction, type FunctionParts, partsOf } from '../../define-function.ts';
import { gathered } from '../../engine/batches.ts';
import { CallRate } from '../../engine/calls/call-rate.ts';
import type { CallPlace, CallTarget, PlaceWords } from '../../engine/calls/call-target.ts';
import { checkBy } from '../../engine/schema.ts';
import type { Clock } from '../../ports/clock.ts';
import { laneOf, priorityOf, tenantOf } from '../start-item.ts';

/** What a target is made with. */
export interface TargetSurroundings {
  readonly clock: Clock;
  /** Of functions that say nothing. */
  readonly timeoutMs: number;
  /** Whose place it takes, or null. */
  readonly before: CallTarget | null;
}

/** The target of a definition. Throws `request.invalid` for what is none. */
export function callTarget(
  fn: AnyFunction,
  { clock, timeoutMs, before }: TargetSurroundings,
): CallTarget {
  const parts = partsOf(fn);
  if (parts === null) throw invalid('a function', fn, 'give what defineFunction() returned');
  const { terms, schema, policy, totalMs, batch } = parts;
  const { call = {}, concurrency } = terms;
  const side = { graceMs: policy.graceMs, attemptMs: policy.attemptTimeoutMs, totalMs };
  const standing = standingPlace(fn.name, parts);
  return {
    name: fn.name,
    version: fn.version,
    terms: callTermsOf(side, call, timeoutMs),
    help: call.help ?? fn.name,
    tags: call.tags ?? 'holdfast',
    gate: concurrency === undefined ? null : gateOf(fn.name, concurrency, before),
    rate: call.rateLimit === undefined ? null : rateOf(call.rateLimit, before),
    read: schema === null ? null : (input) => checkBy(schema, input),
    run: batch === null ? parts.run : gathered(fn.name, batch, clock),
    placeOf(input, words, prefix) {
      const { lane, tenant, priority } = words;
      const bare = lane === undefined && tenant === undefined && priority === undefined;
      if (standing !== null && bare && prefix === null) return standing;
      return placeOf(fn.name, parts, input, words, prefix);
    },
  };
}

/** T1 */
function gateOf(name: string, width: number, before: CallTarget | null): Gate {
  const gate = before?.gate ?? new Gate(name, width);
  gate.width = width;
  return gate;
}

/** T1 */
function rateOf(pace: Pace, before: CallTarget | null): CallRate {
  const rate = before?.rate ?? new CallRate(pace);
  rate.pace = pace;
  return rate;
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

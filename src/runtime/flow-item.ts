/**
 * Owns the terms of flow control of one start: those of the definition, with their keys computed.
 *
 * K1 A key that the caller gives stands for the keys of all terms, computed or not.
 * K2 A definition that came by name has no code: where its keys are computed, the caller gives one.
 */
import { checkKey, invalid } from '../core/check.ts';
import { limits } from '../core/limits.ts';
import type { FlowKey, FlowPace, FlowTerms } from '../flow-terms.ts';
import type { PaceTerm, StartFlow, ToldFlow } from '../ports/store-flow.ts';

/** Gives a key; `what` names the term. */
type KeyOf<Key> = (key: FlowKey<unknown> | undefined, what: string) => Key;

type Resolved<Key> = Key extends string ? StartFlow : ToldFlow;

/** The terms with their keys as `keyOf` has them. */
function resolved<Key extends string | null>(
  { debounce, throttle, rateLimit, unique, onConflict = 'queue' }: FlowTerms<unknown>,
  keyOf: KeyOf<Key>,
): Resolved<Key> {
  const paced = ({ key, max, perMs, tenants = 'each' }: FlowPace<unknown>, what: string) => {
    const pace: PaceTerm = { max, perMs, tenants };
    return { ...pace, key: keyOf(key, what) };
  };
  const terms = {
    ...(debounce !== undefined && {
      debounce: {
        quietMs: debounce.quietMs,
        maxMs: debounce.maxMs,
        key: keyOf(debounce.key, 'debounce'),
      },
    }),
    ...(throttle !== undefined && { throttle: paced(throttle, 'throttle') }),
    ...(rateLimit !== undefined && {
      rateLimit: {
        ...paced(rateLimit, 'rateLimit'),
        algorithm: rateLimit.algorithm ?? 'sliding',
      },
    }),
    ...(unique !== undefined && {
      unique: { while: unique.while ?? 'unfinished', key: keyOf(unique.key, 'unique') },
    }),
    ...(onConflict !== 'queue' && { onConflict }),
  };
  return terms as Resolved<Key>;
}

/** What is told of the terms: the keys that are computed are not. */
export const toldFlow = (flow: FlowTerms<unknown>): ToldFlow =>
  resolved<string | null>(flow, (key) => (typeof key === 'function' ? null : (key ?? '')));

/** Terms made from what was told of them. */
export function flowOfTold(told: ToldFlow, missing: (what: string) => () => never) {
  const keyed = <Term extends { readonly key: string | null }>(term: Term) => {
    const { key, ...rest } = term;
    if (key === '') return rest;
    return { ...rest, key: key === null ? missing('flowKey') : key };
  };
  const { debounce, throttle, rateLimit, unique, onConflict } = told;
  return {
    ...(debounce !== undefined && { debounce: keyed(debounce) }),
    ...(throttle !== undefined && { throttle: keyed(throttle) }),
    ...(rateLimit !== undefined && { rateLimit: keyed(rateLimit) }),
    ...(unique !== undefined && { unique: keyed(unique) }),
    ...(onConflict !== undefined && { onConflict }),
  } as FlowTerms<unknown>;
}

/** What flow control needs to know of a start. */
export interface FlowAsk {
  readonly name: string;
  readonly flow: FlowTerms<unknown> | undefined;
  /** By the caller, for all terms. */
  readonly flowKey: string | undefined;
  /** Whether the caller says when the run is due. */
  readonly timed: boolean;
  /** Calls the function of a key with the input. */
  readonly compute: (what: string, key: (input: unknown) => string) => unknown;
}

/** The terms of one start, or undefined where the function has none. */
export function startFlow(ask: FlowAsk): StartFlow | undefined {
  const { name, flow, flowKey, timed, compute } = ask;
  if (flowKey !== undefined) checkKey('flowKey', flowKey, limits.keyCharsMax);
  if (flow === undefined) {
    if (flowKey === undefined) return undefined;
    throw invalid('flowKey', flowKey, `'${name}' has no terms of flow control; leave it out`);
  }
  if (timed && (flow.debounce !== undefined || flow.throttle !== undefined)) {
    const term = flow.debounce === undefined ? 'throttle' : 'debounce';
    const rule = `the ${term} of '${name}' decides when its runs are due; leave them out`;
    throw invalid('delayMs or dueAt', 'given', rule);
  }
  const terms = resolved<string>(flow, (key, what) => {
    if (flowKey !== undefined) return flowKey;
    if (typeof key !== 'function') return key ?? '';
    return checkKey(`the key of ${what}`, compute(`key of ${what}`, key), limits.keyCharsMax);
  });
  return Object.keys(terms).length === 0 ? undefined : terms;
}

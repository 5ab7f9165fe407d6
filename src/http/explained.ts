/**
 * Owns what of an explanation a caller gets.
 *
 * X1 For a key of a tenant, runs of others are not among the facts, nor in the sentence. How many
 *    stand before the run is told: the queue is shared, and nothing is explained without it.
 */
import { explain } from '../engine/explain.ts';
import type { ExplainFacts } from '../ports/store-reads.ts';
import type { Caller } from './caller.ts';
import { viewBody } from './views.ts';

/** The body of the answer. */
export function explainedFor(
  { tenant }: Caller,
  { sentence, facts }: { readonly sentence: string; readonly facts: ExplainFacts },
): unknown {
  const own = facts.laneHolders.filter((one) => tenant === null || one.tenant === tenant);
  const seen = { ...facts, laneHolders: own };
  const whole = own.length === facts.laneHolders.length;
  return {
    sentence: whole ? sentence : explain(seen),
    facts: { ...seen, run: viewBody(facts.run), laneHolders: own.map(viewBody) },
  };
}

/**
 * Owns what of an explanation a caller gets.
 *
 * X1 For a key of a tenant, runs of others are not among the facts, nor in the sentence; nor is how
 *    many stand before the run, since those of others count as well.
 */
import { explain, type KnownFacts } from '../engine/explain.ts';
import type { ExplainFacts } from '../ports/store-reads.ts';
import type { Caller } from './caller.ts';
import { viewBody } from './views.ts';

/** The body of the answer. */
export function explainedFor(
  { tenant }: Caller,
  { sentence, facts }: { readonly sentence: string; readonly facts: ExplainFacts },
): unknown {
  if (tenant === null) return { sentence, facts: bodyOf(facts) };
  const laneHolders = facts.laneHolders.filter((one) => one.tenant === tenant);
  const known = { ...facts, laneHolders, laneAhead: null, slotAhead: null };
  return { sentence: explain(known), facts: bodyOf(known) };
}

const bodyOf = (facts: KnownFacts): unknown => ({
  ...facts,
  run: viewBody(facts.run),
  laneHolders: facts.laneHolders.map(viewBody),
});

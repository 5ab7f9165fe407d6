/** Runs rules over sources. Pure: the same sources give the same findings, in the same order. */
import { type Finding, sorted } from './finding.ts';
import type { Rule, Source } from './source.ts';

export function check(sources: readonly Source[], rules: readonly Rule[]): Finding[] {
  return sorted(rules.flatMap((rule) => sources.flatMap((source) => rule.check(source, sources))));
}

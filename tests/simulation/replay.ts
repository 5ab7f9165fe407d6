/**
 * Owns what is said about a seed that failed: what was wrong, what came before, and how to see it
 * again.
 */
import type { Report } from './simulate.ts';

const tailLines = 40;

/** The words for a failed seed. */
export function explainFailure({ seed, violations, trace, hash }: Report): string {
  return [
    `seed ${seed} broke ${violations.length} rule(s):`,
    ...violations.map((one) => `  ${one}`),
    `the last of what happened (trace ${hash}):`,
    ...trace.slice(-tailLines).map((line) => `  ${line}`),
    `replay it: npm run sim -- --seed ${seed} --trace`,
  ].join('\n');
}

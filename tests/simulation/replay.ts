/**
 * Owns what is said about a seed that failed: what was wrong, what came before, and how to see it
 * again.
 */
import type { Report } from './simulate.ts';

const tailLines = 40;

/** The words for a failed seed. */
export function explainFailure(report: Report): string {
  const { seed, kind, violations, trace, hash } = report;
  return [
    `seed ${seed} (${kind}) broke ${violations.length} rule(s):`,
    ...violations.map((one) => `  ${one}`),
    `the last of what happened (trace ${hash}):`,
    ...trace.slice(-tailLines).map((line) => `  ${line}`),
    `replay it: ${replayCommand(report)}`,
  ].join('\n');
}

/** What lives through the same world again, and prints all of it. */
export const replayCommand = ({ seed, kind }: Pick<Report, 'seed' | 'kind'>): string =>
  `npm run sim -- --seed ${seed} --kind ${kind} --trace`;

/**
 * The allow-list: findings that stand, each with its reason. A line that allows nothing is itself a
 * finding, so the list never outlives what it excuses.
 */
import { type Finding, sorted } from './finding.ts';
import type { Source } from './source.ts';

export interface Allowance {
  readonly path: string;
  readonly rule: string;
  /** A part of the line meant; without it, every finding of the rule in the file is. */
  readonly text?: string;
  readonly reason: string;
}

const REASON_LETTERS_MIN = 20;

/** The findings that are left, and those about the list itself. */
export function applyAllowances(
  findings: readonly Finding[],
  allowances: readonly Allowance[],
  sources: readonly Source[],
): Finding[] {
  const lines = new Map(sources.map((source) => [source.path, source.lines]));
  const covers = (allowance: Allowance, finding: Finding) =>
    allowance.path === finding.path &&
    allowance.rule === finding.rule &&
    (lines.get(finding.path)?.[finding.line - 1] ?? '').includes(allowance.text ?? '');
  const left = findings.filter((one) => !allowances.some((allowance) => covers(allowance, one)));
  const faults = allowances.flatMap((allowance, index) => {
    const used = findings.some((finding) => covers(allowance, finding));
    const problem = !used
      ? `allows nothing in ${allowance.path} (${allowance.rule}); remove the entry`
      : allowance.reason.trim().length < REASON_LETTERS_MIN
        ? `gives no reason for ${allowance.path} (${allowance.rule}); say why it must be so`
        : undefined;
    if (problem === undefined) return [];
    const message = `entry ${index + 1} ${problem}`;
    return [{ path: 'tests/tidy/allow.json', line: 1, rule: 'allow', message }];
  });
  return sorted([...left, ...faults]);
}

/** What a rule reports, and how it is printed. Nothing here reads a file. */

export interface Finding {
  readonly path: string;
  /** From 1; 1 also stands for the file as a whole. */
  readonly line: number;
  /** The rule's name, by which an allow line names it too. */
  readonly rule: string;
  /** What was found, and what to do instead. */
  readonly message: string;
}

export function format(finding: Finding): string {
  return `${finding.path}:${finding.line} ${finding.rule}: ${finding.message}`;
}

/** In the order of the files, then of the lines, so that two runs print the same. */
export function sorted(findings: readonly Finding[]): Finding[] {
  return [...findings].sort(
    (a, b) => a.path.localeCompare(b.path) || a.line - b.line || a.rule.localeCompare(b.rule),
  );
}

/** One tiny repository that a rule must catch, or must let pass. */
export interface Case {
  readonly rule: string;
  readonly title: string;
  readonly files: Readonly<Record<string, string>>;
  /** What the rule reports, in full but for its own name; empty when the files must pass. */
  readonly reports: readonly string[];
}

/**
 * Owns the outcome: the terminal word on an execution, and the stored form of an error.
 *
 * O1 An outcome is written once and never changes.
 * O2 `code` is stable and made for programs; `message` is made for people.
 */

/** Every way an execution can end. The order is that of the documentation, not a rank. */
export const outcomeKinds = [
  'succeeded',
  'failed',
  'cancelled',
  'timed-out',
  'rejected',
  'lost',
] as const;

/** One of the six terminal words. */
export type OutcomeKind = (typeof outcomeKinds)[number];

/**
 * An error as it is stored and shown: bounded, without secrets, without a live object. Stored
 * format.
 */
export interface ErrorDetail {
  /** Stable `area.reason`, or the `code` that the handler's error carried. */
  readonly code: string;
  readonly message: string;
  /** The error's class, such as `TypeError`. */
  readonly name?: string;
  readonly stack?: string;
  /** Further facts, such as the evidence of a crash. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The terminal word on a run. `error` is null when it succeeded. */
export interface Outcome {
  readonly kind: OutcomeKind;
  readonly error: ErrorDetail | null;
}

/** The outcome of a run that did what it was asked to. */
export const succeeded: Outcome = { kind: 'succeeded', error: null };

/** An outcome other than success, with what led to it. */
export const ended = (kind: Exclude<OutcomeKind, 'succeeded'>, error: ErrorDetail): Outcome => ({
  kind,
  error,
});

/** Whether a word names an outcome. */
export const isOutcomeKind = (word: string): word is OutcomeKind =>
  (outcomeKinds as readonly string[]).includes(word);

/** Whether a run that ended so is a dead letter: somebody has to look at it. */
export const isDead = (kind: OutcomeKind): boolean =>
  kind === 'failed' || kind === 'timed-out' || kind === 'lost';

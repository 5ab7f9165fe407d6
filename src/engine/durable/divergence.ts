/**
 * Owns how it is said that the code of a run asks for other steps than are kept of it.
 *
 * G1 The difference is bounded: the first steps of each side, and how many there are.
 */
import type { ClaimedRun, EndOfAttempt } from '../../ports/store-runs.ts';
import type { StepRow } from '../../ports/store-steps.ts';

const keysMax = 20;
const patienceMs = 2_000;

/**
 * D3 of `moveOf`: how long code may take to ask for what is recorded. Clean-up has only its grace.
 */
export const patienceMsOf = ({ stop, policy }: ClaimedRun): number =>
  stop === undefined ? patienceMs : Math.min(patienceMs, policy.graceMs / 4);

const listed = (keys: readonly string[]): string => {
  if (keys.length === 0) return 'nothing more';
  const shown = keys.slice(0, 3).map((key) => `'${key}'`);
  const more = keys.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
};

/**
 * The end of an attempt whose code has diverged. `recorded`: what it did not ask for. `asked`: what
 * it asks for instead. `seen`: how many recorded ends it was given before.
 */
export function divergedEnd(
  recorded: readonly StepRow[],
  asked: readonly string[],
  seen: number,
): EndOfAttempt {
  const rows = recorded.toSorted((a, b) => a.ord - b.ord);
  const keys = rows.map(({ key }) => key);
  const message =
    `after ${seen === 1 ? 'one end that fits' : `${seen} ends that fit`}, ` +
    `the code asks for ${listed(asked)} ` +
    `where ${listed(keys)} was recorded`;
  const details = {
    recorded: keys.slice(0, keysMax),
    asked: asked.slice(0, keysMax),
    at: rows[0]?.ord ?? seen + 1,
  };
  return { how: 'diverged', error: { code: 'replay.diverged', message, details } };
}

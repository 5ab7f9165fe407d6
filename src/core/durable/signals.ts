/**
 * Owns how signals to a run, and the answers to them, are named among its steps.
 *
 * N1 A wait for signals is a wait for the event of its run: the names that it takes stand where the
 *    paths of a match stand, as a JSON list. No event has the values that go with it, so that none
 *    that is emitted ever ends such a wait.
 * N2 The answer to a signal is a step of the run under a key that is made of the signal's id: it is
 *    given once, and whoever sent the signal finds it there.
 */

/** In the place of the values of a match (N1). */
export const signalValues = '';

/** The event that waits for signals to this run are for. Stored format. */
export const signalEvent = (runId: string): string => `signal/${runId}`;

/** What stands before the id of a signal in the key of its answer. */
export const answerKind = 'answer';

/** The key of the step that answers a signal. Stored format. */
export const answerKey = (signalId: string): string => `${answerKind}/${signalId}`;

/** Whether a step answers a signal. */
export const isAnswer = (key: string): boolean => key.startsWith(`${answerKind}/`);

/** The names that a wait takes, as they are stored: sorted, each once. */
export const namesText = (names: readonly string[]): string =>
  JSON.stringify([...new Set(names)].sort());

/** Whether a wait that takes these names takes this one. */
export const takes = (names: string, name: string): boolean =>
  (JSON.parse(names) as readonly string[]).includes(name);

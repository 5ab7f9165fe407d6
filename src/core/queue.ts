/**
 * Owns the names of the queues in which runs wait to be handed out: one for each function, and one
 * for each version of it to which runs are pinned.
 *
 * U1 No name of a function or version holds the mark, so that a name of a queue is read in one way.
 */

/** Stands between the function and the version: a control character. Stored format. */
const pinMark = '\u001f';

/** The queue of a run: that of its function, or of the version that it is pinned to. */
export const queueOf = (fn: string, pin: string | null): string =>
  pin === null ? fn : `${fn}${pinMark}${pin}`;

/** The version of a queue, or null. */
export function pinOf(queue: string): string | null {
  const at = queue.indexOf(pinMark);
  return at < 0 ? null : queue.slice(at + 1);
}

/** The function of a queue. */
export function fnOf(queue: string): string {
  const at = queue.indexOf(pinMark);
  return at < 0 ? queue : queue.slice(0, at);
}

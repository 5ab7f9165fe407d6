/**
 * Owns how these tests wait: for a fact, never for a time, and never without a bound. Bounds are
 * far above what a loaded machine needs, except where a guarantee names the time itself.
 */
import { setImmediate as turn } from 'node:timers/promises';

/** For what has no bound of its own. */
export const patienceMs = 30_000;

/** Milliseconds on the clock that all processes of this host share, and that never steps. */
export const hostMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** What the promise gives, or an error that says what did not happen in time. */
export async function within<Value>(
  ms: number,
  what: string,
  promise: Promise<Value>,
): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const message = `not within ${ms} ms: ${what}`;
  const timer = setTimeout(() => late.reject(new Error(message)), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** For conditions that nothing tells of, such as the state of a process. Only for short waits. */
export async function until(what: string, holds: () => boolean, ms = patienceMs): Promise<void> {
  const givesUpAt = hostMs() + ms;
  while (!holds()) {
    if (hostMs() > givesUpAt) throw new Error(`not within ${ms} ms: ${what}`);
    await turn();
  }
}

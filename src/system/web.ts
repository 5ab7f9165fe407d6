/**
 * Owns time, chance and ids as any platform of the web has them, browsers included.
 *
 * W1 Nothing of Node is used here, and nothing is imported that uses it.
 * W2 A delay over the platform's limit is split, never cut short.
 * W3 Unlike those of the system clock these timers keep a process alive: somebody waits for them.
 */
import { v7 } from 'uuid';

/** The longest delay that timers can count: 2^31 - 1 ms. */
const timerMsMax = 2_147_483_647;

/** Milliseconds on a clock that never steps. */
export const webMono = (): number => performance.now();

/** Milliseconds since 1970. */
export const webWall = (): number => Date.now();

/** A number in [0, 1). */
export const webChance = (): number => Math.random();

/** A new id that sorts by the time of making (UUID version 7). */
export const webId = (): string => v7();

/** Calls back once, later; gives what cancels that. */
export function webAfter(delayMs: number, callback: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const arm = (leftMs: number): void => {
    const partMs = Math.min(leftMs, timerMsMax);
    const restMs = leftMs - partMs;
    timer = setTimeout(() => (restMs > 0 ? arm(restMs) : callback()), partMs);
  };
  arm(Math.max(0, delayMs));
  return () => clearTimeout(timer);
}

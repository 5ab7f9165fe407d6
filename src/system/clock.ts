/**
 * Owns the real clock: the only place of the product that reads a time or sets a timer.
 *
 * C1 `mono` is the host's CLOCK_MONOTONIC: it never steps, stands still while the machine is
 *    suspended, and is comparable between processes of one boot (in one time namespace).
 * C2 A timer never keeps the process alive: whoever wants to live holds something else open.
 * C3 A delay over the platform's limit is split, never cut short: Node would fire it at once.
 */
import { monoMs, wallMs } from '../core/time.ts';
import type { Clock, Timer } from '../ports/clock.ts';

/** The longest delay that the platform's timers can count: 2^31 - 1 ms, almost 25 days. */
const timerMsMax = 2_147_483_647;

/** The real clock. Every call gives an equal one; it holds nothing. */
export function systemClock(): Clock {
  return {
    wall: () => wallMs(Date.now()),
    mono: () => monoMs(Number(process.hrtime.bigint()) / 1e6),
    after,
    turn,
  };
}

function after(delayMs: number, callback: () => void): Timer {
  let timer: NodeJS.Timeout | undefined;
  const arm = (leftMs: number): void => {
    const partMs = Math.min(leftMs, timerMsMax);
    const restMs = leftMs - partMs;
    timer = setTimeout(() => (restMs > 0 ? arm(restMs) : callback()), partMs);
    timer.unref();
  };
  arm(Math.max(0, delayMs));
  return { cancel: () => clearTimeout(timer) };
}

/** Keeps the process alive for one turn: without that the loop would not come by on its own. */
function turn(callback: () => void): Timer {
  const immediate = setImmediate(callback);
  return { cancel: () => clearImmediate(immediate) };
}

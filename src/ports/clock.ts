/**
 * Owns the port to time. The simulated clock and the system clock are its two adapters.
 */
import type { MonoMs, WallMs } from '../core/time.ts';

/** A timer that was set. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** The only way to know or to wait for a time. */
export interface Clock {
  /** For stamps and due times; may step. */
  wall(): WallMs;
  /** For leases, timeouts and durations; never steps. */
  mono(): MonoMs;
  /**
   * Calls back once after `delayMs` (at least 0). A timer does not keep the process alive. Longer
   * delays than the platform's timers allow are the adapter's business.
   */
  after(delayMs: number, callback: () => void): Timer;
  /**
   * Calls back once, soon, after everything that promises do by themselves: code that only waits
   * for promises has had its turn by then.
   */
  turn(callback: () => void): Timer;
}

/**
 * Owns how a worker thread stands still for a moment. Never called on the main thread.
 */
const nobodyWakes = new Int32Array(new SharedArrayBuffer(4));

/**
 * Blocks this thread for about `ms` (fractions allowed; the system adds some 70 us).
 */
export function pauseThread(ms: number): void {
  Atomics.wait(nobodyWakes, 0, 0, ms);
}

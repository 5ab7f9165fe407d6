/**
 * Loaded before a node: its wall clock is an hour ahead for as long as a file exists, in all of its
 * threads at once. The monotonic clock stays what it is, as when an operator sets the time.
 */
import { existsSync } from 'node:fs';

export const stepMs = 3_600_000;

const { CHAOS_CLOCK_STEP: stepPath } = process.env;
if (stepPath !== undefined) {
  const real = Date.now;
  Date.now = () => real() + (existsSync(stepPath) ? stepMs : 0);
}

/**
 * Owns how cases tell the time and wait.
 */
const LOOK_EVERY_MS = 1;
const WAIT_MS_MAX = 10 * 60_000;

/** Milliseconds on the clock that all processes of the host share. */
export const hostMs = (): number => Number(process.hrtime.bigint()) / 1e6;

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for something that can be looked up at no cost. */
export async function until(holds: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + WAIT_MS_MAX;
  while (!holds()) {
    if (performance.now() > giveUpAt) throw new Error('waited in vain for the measured work');
    await pause(LOOK_EVERY_MS);
  }
}

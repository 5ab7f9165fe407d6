/**
 * Owns waiting that somebody waits for: unlike a timer of the clock it keeps the process alive.
 */

/** Resolves after so many ms. */
export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/**
 * Owns the load of single starts: callers who each start one, wait for its acceptance, and start
 * the next.
 */
import type { Answer } from '../case.ts';

/** Starts `count` in all; says how long it took, and each caller's waits. */
export async function callAtOnce(
  callers: number,
  count: number,
  start: (n: number) => Promise<unknown>,
): Promise<Answer> {
  let next = 0;
  const ms: number[] = [];
  const startedAt = performance.now();
  const caller = async () => {
    while (next < count) {
      const n = next;
      next += 1;
      const before = performance.now();
      await start(n);
      ms.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { seconds: (performance.now() - startedAt) / 1_000, ms };
}

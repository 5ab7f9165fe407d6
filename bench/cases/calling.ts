/**
 * What all sides of the benchmark of calls do alike: call, count, and look at the clock.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Case, verify } from '../case.ts';

/** Calls a function that gives back what it is given, in a lane or (null) in none. */
export type CallOne = (n: number, lane: string | null) => Promise<number>;

const CALLERS = 1_000;
/** One call in so many is timed. */
const SAMPLED = 64;
const ALLOCATING = 2_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** The case of a side. */
export function callingCase(call: CallOne, close: () => Promise<void> = async () => {}): Case {
  return {
    async ask({ do: what, count, keys }) {
      if (what === 'one') return oneAfterAnother(call, Number(count));
      return manyAtOnce(call, Number(count), Number(keys));
    },
    close,
  };
}

async function oneAfterAnother(call: CallOne, count: number) {
  const from = performance.now();
  let sum = 0;
  for (let n = 0; n < count; n += 1) sum += await call(n, null);
  const ms = performance.now() - from;
  verify(sum === (count * (count - 1)) / 2, 'every call gave its result');
  return { nsEach: (ms * 1e6) / count, bytesEach: await allocated(call) };
}

/** So few calls that nothing is collected meanwhile; the least of some tries. */
async function allocated(call: CallOne): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 5; turn += 1) {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < ALLOCATING; n += 1) await call(n, null);
    const bytes = (process.memoryUsage().heapUsed - before) / ALLOCATING;
    if (bytes > 0) least = Math.min(least, bytes);
  }
  return Math.round(least);
}

async function manyAtOnce(call: CallOne, count: number, keys: number) {
  const lanes = Array.from({ length: keys }, (_, n) => `lane-${n}`);
  const us: number[] = [];
  let [next, sum] = [0, 0];
  const caller = async (): Promise<void> => {
    while (next < count) {
      const n = next;
      next += 1;
      const lane = lanes[n % keys] ?? '';
      const from = n % SAMPLED === 0 ? performance.now() : null;
      const got = await call(n, lane);
      sum += got;
      if (from !== null) us.push((performance.now() - from) * 1_000);
    }
  };
  const from = performance.now();
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const seconds = (performance.now() - from) / 1_000;
  verify(sum === (count * (count - 1)) / 2, 'every call gave its result');
  return { perSecond: count / seconds, us };
}

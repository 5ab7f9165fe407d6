/**
 * Owns how runs are numbered, and how many are inserted in one call: the same for both sides.
 */
export const insertBatchRuns = 1_000;

/** `count` numbers from `from`. */
export function numbersFrom(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

/** The numbers from 0 below `count`, in parts of at most `size`. */
export function* chunks(count: number, size: number): Generator<number[]> {
  for (let from = 0; from < count; from += size) {
    yield numbersFrom(from, Math.min(size, count - from));
  }
}

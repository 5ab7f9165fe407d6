/**
 * Owns the arithmetic of measurements: medians, percentiles and how far rounds lie apart.
 */

/** The value below which the share `p` (0..1) of the values lies, by the nearest rank. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1));
  const value = sorted[index];
  if (value === undefined) throw new Error('no percentile of an empty list');
  return value;
}

/** The middle value; the mean of the two in the middle when their number is even. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new Error('no median of an empty list');
  return (lower + upper) / 2;
}

/** Four significant digits: more would claim a precision that no benchmark has. */
export function significant(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : value;
}

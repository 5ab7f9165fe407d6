/**
 * Owns how values that are more than JSON look in answers: readable, each as the text or list that
 * comes nearest. What plain JSON holds is the same.
 *
 * J1 However a value is nested or shares parts, writing it takes bounded work.
 */

const partsMax = 100_000;
const depthMax = 1_000;
const leftOut = '(left out)';

/** The value as JSON. */
export function jsonValue(value: unknown): unknown {
  let parts = 0;
  const shown = (one: unknown, depth: number): unknown => {
    if (typeof one === 'bigint') return String(one);
    if (typeof one === 'number' && !Number.isFinite(one)) return String(one);
    if (typeof one !== 'object' || one === null) return one;
    parts += 1;
    if (parts > partsMax || depth > depthMax) return leftOut;
    const list = (items: Iterable<unknown>): unknown[] =>
      Array.from(items, (item) => shown(item, depth + 1));
    if (Array.isArray(one) || one instanceof Set) return list(one);
    if (one instanceof Map) return list(one);
    if (one instanceof Uint8Array) return Buffer.from(one).toString('base64');
    if (one instanceof Date) return one.toISOString();
    if (one instanceof RegExp || one instanceof URL) return String(one);
    if (one instanceof Error) return { name: one.name, message: one.message };
    const entries = Object.entries(one);
    return Object.fromEntries(entries.map(([key, item]) => [key, shown(item, depth + 1)]));
  };
  return shown(value, 0);
}

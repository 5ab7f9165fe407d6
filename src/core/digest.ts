/**
 * Owns the digest by which two definitions of one function are told apart.
 *
 * D1 Equal values give equal text, whatever the order of their keys. It is text and no hash, so
 *    that a conflict can be read. Stored format.
 */

/** What can be compared. */
export type Digestible =
  | string
  | number
  | boolean
  | null
  | readonly Digestible[]
  | { readonly [key: string]: Digestible };

/** The canonical JSON text of a value. */
export function digestOf(value: Digestible): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => digestOf(item)).join(',')}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${digestOf(item)}`).join(',')}}`;
}

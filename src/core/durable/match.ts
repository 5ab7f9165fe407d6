/**
 * Owns which event is the one that a wait is for: the paths that are compared, and their values.
 *
 * M1 A path names a value inside of an event's data by its keys with dots: `order.id`. Values are
 *    compared as JSON: `1` is not `'1'`.
 * M2 The texts are the same for the same match, in whatever order it was written, so that they
 *    serve as keys of an index.
 */
import { checkKey, invalid } from '../check.ts';
import { limits } from '../limits.ts';

/** What must stand at some paths of an event's data. */
export type EventMatch = Readonly<Record<string, string | number | boolean | null>>;

/** A match as two texts: which paths, and which values. */
export interface MatchKey {
  readonly paths: string;
  readonly values: string;
}

/**
 * The texts of a match. Throws `request.invalid` and `key.invalid`.
 *
 * @example
 * matchKey({ 'order.id': 7 }); // => { paths: '["order.id"]', values: '[7]' }
 */
export function matchKey(match: EventMatch): MatchKey {
  const paths = Object.keys(match).sort();
  if (paths.length > limits.matchPathsMax) {
    const rule = `${paths.length} paths were given and ${limits.matchPathsMax} are allowed`;
    throw invalid('match', match, rule);
  }
  const values = paths.map((path) => {
    checkKey('a path of match', path, limits.keyCharsMax);
    const value: unknown = match[path];
    if (typeof value === 'string') return checkLength(path, value);
    const plain = value === null || typeof value === 'boolean' || Number.isFinite(value);
    if (plain) return value;
    throw invalid(`match['${path}']`, value, 'it must be a text, a finite number, a boolean, null');
  });
  return { paths: JSON.stringify(paths), values: JSON.stringify(values) };
}

function checkLength(path: string, value: string): string {
  if (value.length <= limits.matchValueCharsMax) return value;
  const rule = `it has ${value.length} characters and ${limits.matchValueCharsMax} are allowed`;
  throw invalid(`match['${path}']`, value, rule);
}

/** What an event's data has at the paths, as the text of a match; null where one is not there. */
export function valuesAt(paths: string, data: unknown): string | null {
  const found: unknown[] = [];
  for (const path of JSON.parse(paths) as readonly string[]) {
    const value = valueAt(path, data);
    if (value === undefined || (typeof value === 'object' && value !== null)) return null;
    found.push(value);
  }
  return JSON.stringify(found);
}

function valueAt(path: string, data: unknown): unknown {
  let at = data;
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null || !isKey(at, key)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[key];
  }
  return at;
}

/** The length of a list is none of its values. */
const isKey = (at: object, key: string): boolean =>
  Object.prototype.propertyIsEnumerable.call(at, key);

/**
 * Owns how the store compares what is inside of a sealed event, of which it knows nothing: words
 * for paths and values stand beside the event, and a wait asks for such words.
 *
 * X1 What can be compared: texts, numbers, booleans and null that an event's objects hold, in the
 *    order in which they stand, up to a bound; of lists nothing.
 * X2 The word of a value is made of it with its path: equal values of two paths look different.
 */
import { limits } from '../../core/limits.ts';
import type { EventWanted } from '../../ports/store-steps.ts';

/** Where the words stand in the envelope. */
const field = 'm';
/** Objects within objects that are looked into. */
const depthMax = 16;

type Blind = (text: string) => string;

const pathWord = (blind: Blind, path: string): string => blind(`path ${path}`);
const valueWord = (blind: Blind, path: string, value: unknown): string =>
  blind(`value ${JSON.stringify([path, value])}`);

/** A sealed event with the words of what it holds; `data` is its text in the open. */
export function indexed(blind: Blind | null, sealed: string, data: string): string {
  if (blind === null) return sealed;
  const words: Record<string, string> = {};
  let room: number = limits.matchIndexMax;
  const look = (value: unknown, path: string, depth: number): void => {
    if (room <= 0 || depth > depthMax) return;
    if (typeof value === 'object' && value !== null) {
      if (Array.isArray(value)) return;
      for (const [key, part] of Object.entries(value)) {
        // A path with a dot in a key, or of an envelope, is one that nobody can ask for.
        if (key.includes('.') || (depth === 0 && key.startsWith('$'))) continue;
        look(part, path === '' ? key : `${path}.${key}`, depth + 1);
      }
      return;
    }
    if (path === '' || path.length > limits.keyCharsMax) return;
    if (typeof value === 'string' && value.length > limits.matchValueCharsMax) return;
    words[pathWord(blind, path)] = valueWord(blind, path, value);
    room -= 1;
  };
  look(JSON.parse(data), '', 0);
  return `${sealed.slice(0, -1)},"${field}":${JSON.stringify(words)}}`;
}

/** What a wait asks for, in these words. */
export function asked(blind: Blind | null, wanted: EventWanted): EventWanted {
  const paths = JSON.parse(wanted.paths) as readonly string[];
  if (blind === null || paths.length === 0) return wanted;
  const values = JSON.parse(wanted.values) as readonly unknown[];
  const pairs = paths
    .map((path, at) => ({
      path: `${field}.${pathWord(blind, path)}`,
      value: valueWord(blind, path, values[at]),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    ...wanted,
    paths: JSON.stringify(pairs.map(({ path }) => path)),
    values: JSON.stringify(pairs.map(({ value }) => value)),
  };
}

/**
 * Owns paths below `/api/v1`.
 *
 * P1 Names and ids are percent-encoded. `.` and `..` cannot stand in a path, encoded or not: every
 *    platform takes them for folders, and the request would reach another route.
 * P2 What is shown of a path in messages has no names and ids: a token is one of them.
 */
import { ClientError } from './error.ts';

/** A path, and how messages show it. */
export interface Path {
  readonly path: string;
  readonly shown: string;
}

/** Makes a path: at`/runs/${id}/cancel`. */
export function at(parts: TemplateStringsArray, ...values: readonly string[]): Path {
  const [first = '', ...rest] = parts;
  const encoded = rest.map((part, index) => encode(values[index]) + part);
  return { path: first + encoded.join(''), shown: parts.join('{}') };
}

function encode(value: unknown): string {
  const wrong = (rule: string): ClientError => new ClientError('key.invalid', rule);
  if (typeof value !== 'string' || value === '') throw wrong('give a name or id, not empty');
  if (value === '.' || value === '..') throw wrong(`'${value}' cannot stand in a path`);
  try {
    return encodeURIComponent(value);
  } catch {
    throw wrong('a name or id has broken pairs; use printable text');
  }
}

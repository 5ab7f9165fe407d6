/**
 * Owns the rules that values from users have to obey, and what is said when one does not.
 *
 * R1 Each message names the value, the rule and its bound. A value is shown cut and without control
 *    characters, so that a message never breaks a terminal or a log.
 */
import { HoldfastError } from './errors.ts';
import { limits } from './limits.ts';

const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029]/u;
const shownCharsMax = 60;

/** A value as messages show it. */
export function shown(value: unknown): string {
  let text: string | undefined;
  if (typeof value === 'string') text = JSON.stringify(value);
  else if (typeof value !== 'object' || value === null) text = String(value);
  else text = Array.isArray(value) ? 'an array' : 'an object';
  const safe = text.replace(new RegExp(unprintable, 'gu'), '?');
  return safe.length <= shownCharsMax ? safe : `${safe.slice(0, shownCharsMax)}…`;
}

/** An error about an argument. */
export const invalid = (name: string, value: unknown, rule: string): HoldfastError =>
  new HoldfastError('request.invalid', `${name} is ${shown(value)}; ${rule}`, {
    details: { name },
  });

/** A key (id, name, lane, tenant, tag): printable, not empty, at most `charsMax` characters. */
export function checkKey(name: string, value: unknown, charsMax: number): string {
  const wrong = (rule: string): HoldfastError =>
    new HoldfastError('key.invalid', `${name} ${rule}`, { details: { name } });
  if (typeof value !== 'string') throw wrong(`is ${shown(value)}; it must be a string`);
  if (value === '') throw wrong('is empty; it must have at least one character');
  if (value.length > charsMax) {
    throw wrong(`has ${value.length} characters; ${charsMax} are allowed (${shown(value)})`);
  }
  if (unprintable.test(value)) {
    throw wrong(`${shown(value)} has control characters or broken pairs; use printable text`);
  }
  return value;
}

/** Tags: few, each a key, none twice. */
export function checkTags(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw invalid('tags', value, 'it must be an array of strings');
  if (value.length > limits.tagsMax) {
    throw invalid('tags', value, `${value.length} were given and ${limits.tagsMax} are allowed`);
  }
  for (const tag of value) checkKey('a tag', tag, limits.tagCharsMax);
  return value.length > 1 ? [...new Set(value as string[])] : (value as string[]);
}

/** A number between bounds. */
export function checkNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || Number.isNaN(value)) {
    throw invalid(name, value, 'it must be a number');
  }
  if (value < min || value > max) throw invalid(name, value, `it must lie in ${min} to ${max}`);
  return value;
}

/** A whole number between bounds. */
export function checkWhole(name: string, value: unknown, min: number, max: number): number {
  const number = checkNumber(name, value, min, max);
  if (!Number.isInteger(number)) throw invalid(name, value, 'it must be a whole number');
  return number;
}

/** One of a few words. */
export function checkWord<Word extends string>(
  name: string,
  value: unknown,
  words: readonly Word[],
): Word {
  const word = words.find((one) => one === value);
  if (word !== undefined) return word;
  throw invalid(name, value, `it must be one of ${words.map((one) => `'${one}'`).join(', ')}`);
}

/** A reason that people give: cut to its bound, control characters taken out. */
export function reasonText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw invalid('the reason', value, 'it must be a string');
  const { reasonCharsMax } = limits;
  if (value.length > reasonCharsMax) {
    const rule = `it has ${value.length} characters and ${reasonCharsMax} are allowed`;
    throw invalid('the reason', value, rule);
  }
  return value.replace(new RegExp(unprintable, 'gu'), ' ').trim();
}

/** Refuses options that are not there, because a misspelt one would be ignored in silence. */
export function checkOptions(what: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(what, value, 'it must be an object');
  }
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    const hint = near === null ? `known are ${known.join(', ')}` : `did you mean '${near}'?`;
    throw new HoldfastError('request.invalid', `${what}: no option ${shown(key)}; ${hint}`);
  }
}

/** The word that was probably meant, or null when none is close. */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let bestSteps = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const steps = stepsBetween(word, candidate, bestSteps);
    if (steps >= bestSteps) continue;
    best = candidate;
    bestSteps = steps;
  }
  return best ?? known.find((candidate) => begins(candidate, word)) ?? null;
}

/** `timeout` for `timeoutMs`: names are often remembered without their end. */
const begins = (candidate: string, word: string): boolean =>
  word.length >= 3 && candidate.toLowerCase().startsWith(word.toLowerCase());

/** Edits (insert, delete, replace) from one word to the other; stops counting at `atMost`. */
function stepsBetween(from: string, to: string, atMost: number): number {
  if (Math.abs(from.length - to.length) >= atMost) return atMost;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? atMost;
}

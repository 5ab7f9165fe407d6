/**
 * Owns the reading of single words of the command line: numbers, JSON, keys given several times.
 */
import { readFile } from 'node:fs/promises';
import { HoldfastError } from '../core/errors.ts';
import { usageError } from './failure.ts';
import type { Io } from './io.ts';

/** A finite number; `request.invalid` else. */
export function parseNumber(option: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw usageError(`${option}: '${text}' is not a number`, `write digits: ${option} 10`);
}

/** A whole number from `min` up; `request.invalid` else. */
export function parseCount(option: string, text: string, min: number, max: number): number {
  const value = parseNumber(option, text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  const rule = `a whole number from ${min} to ${max}`;
  throw usageError(`${option}: '${text}' is not ${rule}`, `give ${rule}`);
}

/** For options that may be given more than once. */
export const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [
  ...earlier,
  value,
];

/** The value that `<json>`, `@file` or `-` (standard input) stands for. */
export async function readJson(io: Io, argument: string): Promise<unknown> {
  const [source, text] = await textOf(io, argument);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const todo =
      source === 'the argument'
        ? `quote it for the shell, such as '{"a":1}'; a text is '"text"'`
        : 'mend it, or write it with a tool such as jq';
    throw new HoldfastError('payload.not_json', `${source} is not JSON: ${why}`, {
      details: { todo },
      cause,
    });
  }
}

async function textOf(io: Io, argument: string): Promise<readonly [string, string]> {
  if (argument === '-') return ['standard input', await io.readInput()];
  if (!argument.startsWith('@')) return ['the argument', argument];
  const path = argument.slice(1);
  try {
    return [`'${path}'`, await readFile(path, 'utf8')];
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError('request.invalid', `the input file cannot be read: ${why}`, {
      details: { path, todo: 'give JSON, @ and the path of a file, or - for standard input' },
      cause,
    });
  }
}

/**
 * Owns the result of the fence test: its form, its file, and which file is the newest. Stored
 * format. Verdicts are not stored: they are today's judgement of the rounds of then.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Machine } from '../machine.ts';
import type { History } from './history.ts';

/** A system as it was tested. */
export interface Tested {
  readonly system: string;
  readonly title: string;
  readonly version: string;
  readonly server: string;
  readonly settings: string;
  /** How long its own recovery was waited for, and what an operator did then. */
  readonly recoveryMsMax: number;
  readonly operator?: string;
}

export interface FenceResult {
  readonly name: 'fence';
  readonly date: string;
  readonly rounds: number;
  readonly machine: Omit<Machine, 'diskAfter'>;
  readonly tested: readonly Tested[];
  readonly histories: readonly History[];
}

const folder = fileURLToPath(new URL('../results/', import.meta.url));
const FORM = /^fence-\d{4}-\d{2}-\d{2}\.json$/;

/** Keeps a result. One a day: a later one of the same day replaces it. Returns the file's path. */
export function keepFence(result: FenceResult): string {
  const path = join(folder, `fence-${result.date}.json`);
  writeFileSync(path, `${asText(result)}\n`);
  return path;
}

/** Rounds stand in one line each, so that a file can be read. */
function asText({ histories, ...head }: FenceResult): string {
  const lines = histories.map((history) => `  ${JSON.stringify(history)}`).join(',\n');
  const text = JSON.stringify(head, null, 1);
  return `${text.slice(0, text.lastIndexOf('}')).trimEnd()},\n "histories": [\n${lines}\n ]\n}`;
}

/** The newest result that is kept, or undefined. */
export function newestFence(): FenceResult | undefined {
  const newest = readdirSync(folder)
    .filter((file) => FORM.test(file))
    .sort()
    .at(-1);
  if (newest === undefined) return undefined;
  return JSON.parse(readFileSync(join(folder, newest), 'utf8')) as FenceResult;
}

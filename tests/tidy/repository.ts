/** Reads the files of this checkout that the rules look at. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Source, toSource } from './source.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

const PATTERNS = [
  '{src,tests,bench,examples,scripts}/**/*.{ts,mjs,js,json,yaml,sql,md}',
  'console/**/*.{ts,tsx,html,css,json,md}',
  'docs/**/*.md',
  '*.{md,json}',
  '.ci/*',
];
const NOT_OURS = ['**/node_modules/**', '**/dist/**', 'package-lock.json'];

export function readRepository(): Source[] {
  return globSync(PATTERNS, { cwd: root, exclude: NOT_OURS })
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
    .map((path) => toSource(path, readFileSync(join(root, path), 'utf8')));
}

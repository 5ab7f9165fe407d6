/**
 * Owns the copies of the source tree in which guards are taken out. The working tree is never
 * touched.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutants.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const copied = ['src', 'tests', 'scripts', 'examples', 'package.json', 'tsconfig.json'];

/** A copy of the tree in a temporary folder, with the installed packages linked in. */
export interface Copy {
  readonly path: string;
  /** Takes a guard out; throws when its text is not found exactly once. The result puts it back. */
  mutate(mutant: Mutant): () => void;
  remove(): void;
}

export function copyTree(): Copy {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-mutation-'));
  for (const name of copied) {
    cpSync(join(root, name), join(path, name), {
      recursive: true,
      filter: (source) => !relative(root, source).includes('.snippets'),
    });
  }
  symlinkSync(join(root, 'node_modules'), join(path, 'node_modules'), 'dir');
  return {
    path,
    mutate: (mutant) => mutateIn(path, mutant),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

function mutateIn(path: string, { file, from, to, name }: Mutant): () => void {
  const target = join(path, file);
  const text = readFileSync(target, 'utf8');
  const found = text.split(from).length - 1;
  if (found !== 1) {
    throw new Error(
      `mutant '${name}': its text stands ${found} times in ${file}, not once; ` +
        'bring tests/mutation/mutants.ts up to date',
    );
  }
  writeFileSync(
    target,
    text.replace(from, () => to),
  );
  return () => writeFileSync(target, text);
}

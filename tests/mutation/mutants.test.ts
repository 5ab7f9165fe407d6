/** The mutation gate stays true to the code: each mutant still finds the text that it takes out. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { allMutants } from './all-mutants.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the mutants of the gate', () => {
  it('find their text exactly once, and change it', () => {
    const lost = allMutants
      .map(({ name, file, from, to }) => {
        const times = readFileSync(`${root}/${file}`, 'utf8').split(from).length - 1;
        if (from === to) return `${name}: it changes nothing`;
        return times === 1 ? null : `${name}: its text stands ${times} times in ${file}`;
      })
      .filter((line) => line !== null);
    assert.deepEqual(lost, []);
  });

  it('have names of their own', () => {
    const names = allMutants.map(({ name }) => name);
    assert.deepEqual([...new Set(names)], names);
  });
});

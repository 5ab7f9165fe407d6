/** The house rules, held against the repository itself. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { type Allowance, applyAllowances } from './allow.ts';
import { check } from './check.ts';
import { format } from './finding.ts';
import { readRepository } from './repository.ts';
import { RULES } from './rules/index.ts';

test('the repository keeps the house rules', () => {
  const allowances = JSON.parse(
    readFileSync(new URL('allow.json', import.meta.url), 'utf8'),
  ) as Allowance[];
  const sources = readRepository();
  assert.ok(sources.length > 20, `only ${sources.length} files found: the patterns are wrong`);

  const left = applyAllowances(check(sources, RULES), allowances, sources);

  assert.equal(left.length, 0, `\n${left.map(format).join('\n')}\n`);
});

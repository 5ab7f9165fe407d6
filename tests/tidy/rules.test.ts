/**
 * Every rule is shown to fire: tiny repositories that it must catch, with its reports in full, and
 * beside them the nearest ones that it must let pass.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { ARCHITECTURE } from './cases/architecture.ts';
import { CALLS } from './cases/calls.ts';
import { SHAPE } from './cases/shape.ts';
import { TESTS } from './cases/tests.ts';
import { check } from './check.ts';
import { format } from './finding.ts';
import { RULES } from './rules/index.ts';
import { toSource } from './source.ts';

const CASES = [...ARCHITECTURE, ...CALLS, ...SHAPE, ...TESTS];

for (const { rule, title, files, reports } of CASES) {
  test(`${rule}: ${title}`, () => {
    const sources = Object.entries(files).map(([path, text]) => toSource(path, text));
    const findings = check(
      sources,
      RULES.filter((one) => one.name === rule),
    );
    assert.deepEqual(
      findings.map((finding) => format(finding).replace(` ${rule}:`, '')),
      reports,
    );
  });
}

test('every rule has a case that it catches, and a name of its own', () => {
  const proven = new Set(CASES.filter((one) => one.reports.length > 0).map((one) => one.rule));
  const names = RULES.map((rule) => rule.name);
  assert.deepEqual([...proven].sort(), [...names].sort());
});

/** The allow-list excuses exactly what it names, and reports what it no longer needs. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { type Allowance, applyAllowances } from './allow.ts';
import { format } from './finding.ts';
import { toSource } from './source.ts';

const SOURCES = [toSource('src/a.ts', 'first();\nsecond();\n')];
const FINDINGS = [
  { path: 'src/a.ts', line: 1, rule: 'sql', message: 'one' },
  { path: 'src/a.ts', line: 2, rule: 'sql', message: 'two' },
];
const REASON = 'The statement is sent to another system.';

function left(...allowances: Allowance[]): string[] {
  return applyAllowances(FINDINGS, allowances, SOURCES).map(format);
}

test('an entry covers its rule in its file', () => {
  assert.deepEqual(left({ path: 'src/a.ts', rule: 'sql', reason: REASON }), []);
});

test('an entry with a text covers only the lines that hold it', () => {
  assert.deepEqual(left({ path: 'src/a.ts', rule: 'sql', text: 'second', reason: REASON }), [
    'src/a.ts:1 sql: one',
  ]);
});

test('an entry that covers nothing is reported', () => {
  assert.deepEqual(left({ path: 'src/a.ts', rule: 'cycle', reason: REASON }), [
    'src/a.ts:1 sql: one',
    'src/a.ts:2 sql: two',
    'tests/tidy/allow.json:1 allow: entry 1 allows nothing in src/a.ts (cycle); remove the entry',
  ]);
});

test('an entry without a reason is reported', () => {
  assert.deepEqual(left({ path: 'src/a.ts', rule: 'sql', reason: 'needed' }), [
    'tests/tidy/allow.json:1 allow: entry 1 gives no reason for src/a.ts (sql); ' +
      'say why it must be so',
  ]);
});

/** The page of benchmarks shows the newest results that are kept, and only those. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { judge, unexplained } from '../../bench/aims.ts';
import { catalogue } from '../../bench/catalogue.ts';
import { withResults } from '../../bench/report.ts';
import { newestResult } from '../../bench/result.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/benchmarks.md'), 'utf8');

test('docs/benchmarks.md shows the newest results (npm run bench -- report)', () => {
  assert.equal(text, withResults(text));
});

test('every missed aim that is shown says why', () => {
  for (const { name } of catalogue) {
    const raw = newestResult(name)?.raw ?? [];
    for (const { aim, reason } of judge(name, raw, { quick: false }).misses) {
      assert.notEqual(reason, unexplained, `${name}: ${aim}`);
    }
  }
});

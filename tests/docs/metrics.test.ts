/**
 * The metrics in docs/reference/metrics.md are those of the catalogue. After a change
 * `HOLDFAST_WRITE_DOCS=1 npm run docs -- metrics` puts them there.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { bucketsMs, quickBucketsMs } from '../../src/core/histogram.ts';
import { catalogue, type MetricFacts } from '../../src/runtime/metrics/catalogue.ts';

const path = new URL('../../docs/reference/metrics.md', import.meta.url);
const guide = new URL('../../docs/guides/operating.md', import.meta.url);
const marks = /(<!-- metrics -->\n)[\s\S]*?(<!-- end of metrics -->)/;

const rowOf = ([name, { type, labels, help }]: readonly [string, MetricFacts]): string => {
  const words = labels.map((label) => `\`${label}\``).join(', ');
  return `| \`${name}\` | ${type} | ${words === '' ? '-' : words} | ${help} |`;
};

const facts: readonly (readonly [string, MetricFacts])[] = Object.entries(catalogue);
const table = [
  '| metric | type | labels | what it tells |',
  '|---|---|---|---|',
  ...facts.map(rowOf),
  '',
].join('\n');

if (process.env.HOLDFAST_WRITE_DOCS === '1') {
  const text = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    text.replace(marks, (_, from, to) => `${from}${table}${to}`),
  );
}

const document = readFileSync(path, 'utf8');

describe('docs/reference/metrics.md', () => {
  it('has every metric with its type, its labels and its meaning, and no other', () => {
    assert.equal(marks.exec(document)?.[0], `<!-- metrics -->\n${table}<!-- end of metrics -->`);
  });

  it('names no metric that does not exist, nor does the guide', () => {
    const known = new Set(facts.map(([name]) => name));
    for (const text of [document, readFileSync(guide, 'utf8')]) {
      for (const [name] of text.matchAll(/\bholdfast_[a-z_]+[a-z]\b/g)) {
        const plain = name.replace(/_(bucket|sum|count)$/, '');
        const begins = [...known].some((one) => one.startsWith(`${name}_`));
        assert.ok(known.has(plain) || begins, name);
      }
    }
  });

  it('lists the bounds of the buckets', () => {
    assert.deepEqual(bucketsMs, [
      ...[1, 5, 10, 25, 50, 100, 250, 500],
      ...[1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 1_800_000],
    ]);
    assert.match(
      document.replaceAll('\n', ' '),
      /1, 5, 10, 25, 50, 100, 250 and 500 ms, 1, 2\.5, 5, 10, 30, 60, 300 and 1,800 s/,
    );
    assert.deepEqual(quickBucketsMs, [0.01, 0.05, 0.1, 0.5, ...bucketsMs]);
    assert.match(document.replaceAll('\n', ' '), /before these at 10, 50, 100 and 500 µs/);
  });
});

describe('the catalogue', () => {
  it('keeps the conventions of Prometheus', () => {
    for (const [name, { type, labels, help }] of facts) {
      assert.match(name, /^holdfast_[a-z]+(_[a-z]+)*$/);
      assert.equal(type === 'counter', name.endsWith('_total'), name);
      if (type === 'histogram') assert.ok(name.endsWith('_seconds'), name);
      assert.doesNotMatch(help, /[\n\\|]/);
      for (const label of labels) assert.match(label, /^(?!le$|quantile$)[a-z]+(_[a-z]+)*$/);
    }
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bucketsMs, Histogram, quickBucketsMs } from './histogram.ts';

describe('Histogram', () => {
  it('counts a duration in every bucket whose bound is not below it', () => {
    const histogram = new Histogram();
    for (const ms of [0, 1, 1.5, 1_000, 1_000.1]) histogram.observe(ms);
    const counts = histogram.cumulative();
    assert.equal(counts.length, bucketsMs.length + 1);
    assert.equal(counts[0], 2);
    assert.equal(counts[1], 3);
    assert.equal(counts[bucketsMs.indexOf(1_000)], 4);
    assert.equal(counts[bucketsMs.indexOf(2_500)], 5);
    assert.equal(counts.at(-1), 5);
    assert.equal(histogram.sumMs, 2_002.6);
  });

  it('tells microseconds apart where it is asked to', () => {
    const histogram = new Histogram(quickBucketsMs);
    for (const ms of [0.002, 0.01, 0.04, 0.3, 2, 1e12]) histogram.observe(ms);
    const counts = histogram.cumulative();
    const upTo = (ms: number) => counts[quickBucketsMs.indexOf(ms)];
    assert.deepEqual([0.01, 0.05, 0.1, 0.5, 1, 5].map(upTo), [2, 3, 3, 4, 4, 5]);
    assert.deepEqual(
      quickBucketsMs,
      quickBucketsMs.toSorted((a, b) => a - b),
    );
    assert.equal(counts.at(-1), 6);
  });

  it('has a place for what is longer than all bounds, and for less than nothing', () => {
    const histogram = new Histogram();
    histogram.observe(1e12);
    histogram.observe(-5);
    assert.equal(histogram.cumulative().at(-1), 2);
    assert.equal(histogram.cumulative()[bucketsMs.length - 1], 1);
    assert.equal(histogram.sumMs, 1e12);
  });
});

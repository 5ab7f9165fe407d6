/** The arithmetic of benchmarks: a wrong median is a wrong claim. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { aims, describeAim, judge, ratio } from '../../bench/aims.ts';
import { catalogue } from '../../bench/catalogue.ts';
import { fromRounds, fromSamples, type Metric } from '../../bench/measure.ts';
import { median, percentile, significant } from '../../bench/spread.ts';

const ours = { side: 'ours', durability: 'full' } as const;
const peer = { side: 'bullmq', durability: 'full' } as const;
const rate: Metric = { name: 'burn-down, 24 at once', unit: 'runs/s', better: 'higher' };
const wait: Metric = { name: 'same process, p99', unit: 'ms', better: 'lower' };

test('a median is the middle value, or the mean of the two in the middle', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([9, 1, 5, 7]), 6);
  assert.throws(() => median([]));
});

test('a percentile is a value that was measured, by the nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.equal(percentile(values, 0.5), 50);
  assert.equal(percentile(values, 0.99), 99);
  assert.equal(percentile(values, 1), 100);
  assert.equal(percentile([3], 0.5), 3);
  assert.throws(() => percentile([], 0.5));
});

test('four digits are kept of a figure', () => {
  assert.equal(significant(123_456), 123_500);
  assert.equal(significant(0.000_123_456), 0.000_123_5);
});

test('a figure is the median of its rounds, between the smallest and the largest', () => {
  const { value, min, max, samples } = fromRounds(ours, rate, [10, 30, 20], 60);
  assert.deepEqual({ value, min, max, samples }, { value: 20, min: 10, max: 30, samples: 60 });
});

test('a percentile is taken over all samples, and spreads over the rounds', () => {
  const { value, min, max, samples } = fromSamples(
    ours,
    wait,
    [
      [1, 2],
      [3, 9],
    ],
    1,
  );
  assert.deepEqual({ value, min, max, samples }, { value: 9, min: 2, max: 9, samples: 4 });
});

test('a ratio above 1 means that ours is better, whichever way the metric goes', () => {
  assert.equal(ratio(fromRounds(ours, rate, [30]), fromRounds(peer, rate, [10])), 3);
  assert.equal(ratio(fromRounds(ours, wait, [2]), fromRounds(peer, wait, [8])), 4);
});

test('an aim is met, missed with a reason, or not judged at the quick size', () => {
  const measures = [fromRounds(ours, wait, [5])];
  const full = judge('latency', measures, { quick: false });
  assert.deepEqual(
    full.misses.map(({ aim, got }) => ({ aim, got })),
    [{ aim: 'same process, p99 <= 4 ms', got: 5 }],
  );
  assert.ok(full.misses.every(({ reason }) => reason.length > 0));
  assert.equal(full.aims.find(({ aim }) => aim.includes('p50'))?.met, null);
  const good = judge('latency', [fromRounds(ours, wait, [3.9])], { quick: false });
  assert.deepEqual(good.misses, []);
  assert.equal(good.aims.find(({ aim }) => aim.includes('p99'))?.met, true);
  const quick = judge('latency', measures, { quick: true });
  assert.ok(quick.aims.every(({ met }) => met === null));
});

test('an aim against the peer is judged on the ratio, and not at all without the peer', () => {
  const measures = [fromRounds(ours, rate, [26_000]), fromRounds(peer, rate, [10_000])];
  const against = (all: typeof measures) =>
    judge('burndown', all, { quick: false }).aims.find(({ aim }) =>
      aim.startsWith('burn-down, 24 at once, against'),
    );
  assert.deepEqual([against(measures)?.got, against(measures)?.met], [2.6, false]);
  assert.equal(against(measures.slice(0, 1))?.met, null);
});

test('every aim belongs to a benchmark and has one bound', () => {
  const names = catalogue.map(({ name }) => name);
  for (const aim of aims) {
    assert.ok(names.includes(aim.bench), `${describeAim(aim)} names ${aim.bench}`);
    assert.notEqual(aim.atLeast === undefined, aim.atMost === undefined, describeAim(aim));
  }
});

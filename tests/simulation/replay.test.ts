import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explainFailure } from './replay.ts';
import { scenarioOf } from './scenario.ts';
import { simulate } from './simulate.ts';

/**
 * Worlds with many faults, so that everything that could depend on real time or order takes part.
 */
const seeds = [3, 17, 58, 101, 204];

describe('a simulated world', () => {
  it('has the same trace when its seed is lived through again', async () => {
    for (const seed of seeds) {
      const first = await simulate(seed);
      const second = await simulate(seed);
      assert.equal(second.hash, first.hash, `seed ${seed}`);
      assert.equal(second.steps, first.steps);
      assert.deepEqual(second.trace, first.trace);
    }
  });

  it('has another trace for another seed', async () => {
    const all = new Set<string>();
    for (const seed of seeds) all.add((await simulate(seed)).hash);
    assert.equal(all.size, seeds.length);
  });

  it('turns on another part of the faults from seed to seed', () => {
    const sets = Array.from({ length: 40 }, (_, seed) => [...scenarioOf(seed).faults].join());
    assert.ok(new Set(sets).size > 20);
    assert.ok(sets.includes(''), 'no world without faults');
  });

  it('says how to replay it when it breaks a rule', async () => {
    const report = await simulate(1);
    const text = explainFailure({ ...report, violations: ['R1 something'] });
    assert.match(text, /seed 1 broke 1 rule\(s\):\n {2}R1 something/);
    assert.match(text, /npm run sim -- --seed 1 --trace/);
  });
});

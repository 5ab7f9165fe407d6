import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kindOf, worldKinds } from './kinds.ts';
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
      for (const kind of worldKinds) {
        const first = await simulate(seed, {}, scenarioOf(seed, kind));
        const second = await simulate(seed, {}, scenarioOf(seed, kind));
        assert.equal(second.hash, first.hash, `seed ${seed}, ${kind}`);
        assert.equal(second.steps, first.steps);
        assert.deepEqual(second.trace, first.trace);
      }
    }
  });

  it('has another trace for another seed', async () => {
    const all = new Set<string>();
    for (const seed of seeds) {
      for (const kind of worldKinds) {
        all.add((await simulate(seed, {}, scenarioOf(seed, kind))).hash);
      }
    }
    assert.ok(all.size >= seeds.length * 2, 'only worlds without failovers may be the same');
  });

  it('is of any kind in some seeds, and of the same in each', () => {
    const kinds = Array.from({ length: 200 }, (_, seed) => scenarioOf(seed).kind);
    for (const kind of worldKinds) assert.ok(kinds.filter((one) => one === kind).length > 20, kind);
    assert.deepEqual(
      kinds,
      Array.from({ length: 200 }, (_, seed) => kindOf(seed)),
    );
  });

  it('turns on another part of the faults from seed to seed', () => {
    const sets = Array.from({ length: 40 }, (_, seed) =>
      [...scenarioOf(seed, 'host').faults].join(),
    );
    assert.ok(new Set(sets).size > 20);
    assert.ok(sets.includes(''), 'no world without faults');
  });

  it('says how to replay it when it breaks a rule', async () => {
    const report = await simulate(1);
    const text = explainFailure({ ...report, violations: ['R1 something'] });
    assert.match(text, /seed 1 \(\w+\) broke 1 rule\(s\):\n {2}R1 something/);
    assert.match(text, /npm run sim -- --seed 1 --kind \w+ --trace/);
  });
});

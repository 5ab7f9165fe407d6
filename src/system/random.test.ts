import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemRandom } from './random.ts';

const random = systemRandom();

describe('system chance', () => {
  it('gives ids of UUID version 7, each greater than the one before', () => {
    const ids = Array.from({ length: 1_000 }, () => random.id());
    assert.match(
      ids[0] ?? '',
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(ids, ids.toSorted());
  });

  it('gives numbers from 0 up to but not including 1', () => {
    for (let i = 0; i < 1_000; i++) {
      const chance = random.next();
      assert.ok(chance >= 0 && chance < 1);
    }
  });
});

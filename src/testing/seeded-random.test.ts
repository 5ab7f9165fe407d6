import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom, xoshiro } from './seeded-random.ts';

describe('xoshiro128**', () => {
  it('gives the numbers of the published reference from the state 1, 2, 3, 4', () => {
    const state: [number, number, number, number] = [1, 2, 3, 4];
    const drawn = Array.from({ length: 10 }, () => xoshiro(state));
    assert.deepEqual(
      drawn,
      [
        11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597,
        4258142804,
      ],
    );
  });
});

describe('seeded chance', () => {
  it('is the same from the same seed and another from another', () => {
    const draw = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 20 }, () => random.next());
    };
    assert.deepEqual(draw(7), draw(7));
    assert.notDeepEqual(draw(7), draw(8));
    assert.notDeepEqual(draw(7), draw(7 + 2 ** 32));
  });

  it('keeps within its bounds and reaches them', () => {
    const random = seededRandom(1);
    const seen = new Set(Array.from({ length: 400 }, () => random.between(3, 6)));
    assert.deepEqual([...seen].sort(), [3, 4, 5, 6]);
    const drawn = Array.from({ length: 2_000 }, () => random.next());
    assert.ok(drawn.every((value) => value >= 0 && value < 1));
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    assert.ok(Math.abs(mean - 0.5) < 0.03, `mean ${mean}`);
  });

  it('gives ids that are unique, sorted, and shaped like UUIDs of version 7', () => {
    const random = seededRandom(5);
    const ids = Array.from({ length: 500 }, () => random.id());
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual([...ids].sort(), ids);
    const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    for (const id of ids) assert.match(id, shape);
  });

  it('forks into chance that does not move its origin', () => {
    const random = seededRandom(9);
    const fork = random.fork();
    const other = seededRandom(9);
    other.fork();
    for (let count = 0; count < 10; count += 1) fork.next();
    assert.equal(random.next(), other.next());
  });

  it('shuffles without losing anything', () => {
    const items = [1, 2, 3, 4, 5, 6];
    const drawn = seededRandom(3).shuffle(items);
    assert.deepEqual([...drawn].sort(), items);
    assert.deepEqual(items, [1, 2, 3, 4, 5, 6]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { digestOf } from './digest.ts';

describe('a digest', () => {
  it('does not depend on the order of keys', () => {
    assert.equal(
      digestOf({ b: 1, a: { d: [1, null], c: 'x' } }),
      '{"a":{"c":"x","d":[1,null]},"b":1}',
    );
    assert.equal(
      digestOf({ a: { c: 'x', d: [1, null] }, b: 1 }),
      digestOf({ b: 1, a: { d: [1, null], c: 'x' } }),
    );
  });

  it('depends on every value and on the order of lists', () => {
    assert.notEqual(digestOf({ a: 1 }), digestOf({ a: '1' }));
    assert.notEqual(digestOf([1, 2]), digestOf([2, 1]));
    assert.notEqual(digestOf({ a: null }), digestOf({}));
  });
});

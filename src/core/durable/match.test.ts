import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { limits } from '../limits.ts';
import { matchKey, valuesAt } from './match.ts';

describe('which event a wait is for', () => {
  it('M1: paths are dotted keys, and values are compared as JSON', () => {
    const { paths, values } = matchKey({ 'order.id': 7, kind: 'paid' });
    assert.equal(valuesAt(paths, { kind: 'paid', order: { id: 7 }, more: 1 }), values);
    assert.notEqual(valuesAt(paths, { kind: 'paid', order: { id: '7' } }), values);
  });

  it('M1: a path that is not there, or holds no plain value, matches nothing', () => {
    const { paths } = matchKey({ 'a.b': null });
    assert.equal(valuesAt(paths, { a: { b: null } }), '[null]');
    for (const data of [null, 7, 'a', {}, { a: null }, { a: { b: {} } }, { a: [] }]) {
      assert.equal(valuesAt(paths, data), null, JSON.stringify(data));
    }
    assert.equal(valuesAt(matchKey({ toString: 'x' }).paths, {}), null, 'not what is inherited');
  });

  it('M2: the order in which a match is written makes no difference', () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    const entry = fc.tuple(fc.stringMatching(/^[a-z]{1,5}$/), value);
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: ([key]) => key, maxLength: 5 }), (entries) => {
        const key = matchKey(Object.fromEntries(entries));
        assert.deepEqual(matchKey(Object.fromEntries(entries.toReversed())), key);
        assert.equal(valuesAt(key.paths, Object.fromEntries(entries)), key.values);
      }),
    );
  });

  it('the number of paths and the length of a value are bounded', () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 1]));
    matchKey(many(limits.matchPathsMax));
    assert.throws(() => matchKey(many(limits.matchPathsMax + 1)), { code: 'request.invalid' });
    matchKey({ a: 'x'.repeat(limits.matchValueCharsMax) });
    const long = 'x'.repeat(limits.matchValueCharsMax + 1);
    assert.throws(() => matchKey({ a: long }), { code: 'request.invalid' });
    assert.throws(() => matchKey({ a: {} as never }), { code: 'request.invalid' });
    assert.throws(() => matchKey({ '': 1 }), { code: 'key.invalid' });
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HoldfastError } from './errors.ts';
import { jsonText, utf8Bytes } from './payload.ts';

const code = (wanted: string) => (error: unknown) =>
  error instanceof HoldfastError && error.code === wanted;

describe('the size of a text', () => {
  it('is what UTF-8 takes, whatever the characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.equal(utf8Bytes(text), Buffer.byteLength(text));
      }),
    );
  });
});

describe('JSON text', () => {
  it('is what JSON.stringify gives, and null for undefined', () => {
    assert.equal(jsonText({ a: [1, 'x', null] }, 100, 'it'), '{"a":[1,"x",null]}');
    assert.equal(jsonText(undefined, 100, 'it'), 'null');
    assert.equal(jsonText(new Date(0), 100, 'it'), '"1970-01-01T00:00:00.000Z"');
  });

  it('may fill its bound to the byte and not one more', () => {
    assert.equal(jsonText('abcd', 6, 'it'), '"abcd"');
    assert.equal(jsonText('éé', 6, 'it'), '"éé"');
    assert.throws(() => jsonText('ééé', 7, 'it'), code('payload.too_large'));
    assert.throws(() => jsonText('abcde', 6, 'the input'), {
      message: /^the input takes 7 bytes as JSON; 6 are allowed/,
      details: { bytes: 7, bytesMax: 6 },
    });
  });

  it('is refused for what JSON cannot hold', () => {
    const ring: { self?: unknown } = {};
    ring.self = ring;
    const thrower = { toJSON: () => assert.fail('no') };
    for (const value of [ring, 1n, Symbol('x'), () => 1, thrower]) {
      assert.throws(() => jsonText(value, 100, 'it'), code('payload.not_json'));
    }
  });
});

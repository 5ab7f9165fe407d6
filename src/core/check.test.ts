import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  checkKey,
  checkNumber,
  checkOptions,
  checkTags,
  checkWhole,
  checkWord,
  nearest,
  reasonText,
  shown,
} from './check.ts';
import { HoldfastError } from './errors.ts';
import { limits } from './limits.ts';

const refused = (code: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof HoldfastError);
  assert.equal(error.code, code);
  assert.match(error.message, words);
  return true;
};

describe('a key', () => {
  const key = (value: unknown): string => checkKey('lane', value, limits.keyCharsMax);

  it('may be any printable text up to its bound', () => {
    for (const value of ['a', 'order/7', 'größe', '任务', '🚀', 'x'.repeat(limits.keyCharsMax)]) {
      assert.equal(key(value), value);
    }
  });

  it('is refused when it is empty, too long, no string or not printable, and says why', () => {
    assert.throws(() => key(''), refused('key.invalid', /lane is empty/));
    const long = 'x'.repeat(limits.keyCharsMax + 1);
    assert.throws(() => key(long), refused('key.invalid', /has 201 characters; 200 are allowed/));
    assert.throws(() => key(7), refused('key.invalid', /lane is 7; it must be a string/));
    for (const value of ['a\nb', '\u0000', 'a\u007f', '\u0085', 'a\ud800', 'a\u2028']) {
      assert.throws(() => key(value), refused('key.invalid', /control characters/));
    }
  });

  it('never puts control characters into the message', () => {
    assert.throws(
      () => key('\u001b[31mred\n'),
      (error: unknown) => error instanceof HoldfastError && !/\p{Cc}/u.test(error.message),
    );
  });
});

describe('tags', () => {
  it('are kept once each', () => {
    assert.deepEqual(checkTags(['a', 'b', 'a']), ['a', 'b']);
  });

  it('are refused when there are too many, or one of them is no key', () => {
    const many = Array.from({ length: limits.tagsMax + 1 }, (_, n) => `t${n}`);
    assert.throws(() => checkTags(many), refused('request.invalid', /17 were given and 16/));
    assert.throws(() => checkTags('a'), refused('request.invalid', /array of strings/));
    assert.throws(() => checkTags(['']), refused('key.invalid', /a tag is empty/));
  });
});

describe('numbers', () => {
  it('are refused when they are NaN, out of bounds or no number', () => {
    assert.equal(checkNumber('delayMs', 0, 0, 10), 0);
    assert.throws(
      () => checkNumber('delayMs', Number.NaN, 0, 1),
      refused('request.invalid', /NaN/),
    );
    assert.throws(
      () => checkNumber('delayMs', -1, 0, 1),
      refused('request.invalid', /-1; .*0 to 1/),
    );
    assert.throws(() => checkNumber('d', Infinity, 0, 1), refused('request.invalid', /Infinity/));
    assert.throws(
      () => checkNumber('d', '5', 0, 9),
      refused('request.invalid', /must be a number/),
    );
    assert.throws(() => checkWhole('slots', 1.5, 1, 9), refused('request.invalid', /whole number/));
  });
});

describe('words and options', () => {
  it('are refused with the words that are known', () => {
    const words = ['full', 'relaxed'] as const;
    assert.equal(checkWord('durability', 'full', words), 'full');
    assert.throws(
      () => checkWord('durability', 'fast', words),
      refused('request.invalid', /'full', 'relaxed'/),
    );
  });

  it('name the option that was probably meant', () => {
    const known = ['delayMs', 'dueAt'];
    checkOptions('start', { delayMs: 1 }, known);
    assert.throws(
      () => checkOptions('start', { delayMS: 1 }, known),
      refused('request.invalid', /did you mean 'delayMs'/),
    );
    assert.throws(
      () => checkOptions('start', { zebra: 1 }, known),
      refused('request.invalid', /known are delayMs, dueAt/),
    );
    assert.throws(() => checkOptions('start', null, known), refused('request.invalid', /object/));
  });
});

describe('the nearest word', () => {
  it('is found by few edits, no more than a third of the word, or by its beginning', () => {
    const known = ['image.resize', 'image.crop', 'mail'];
    assert.equal(nearest('image.resise', known), 'image.resize');
    assert.equal(nearest('maill', known), 'mail');
    assert.equal(nearest('image', known), 'image.resize');
    assert.equal(nearest('video', known), null);
    assert.equal(nearest('x', []), null);
  });
});

describe('values in messages and reasons', () => {
  it('are cut, and objects are not spelt out', () => {
    assert.equal(shown('x'.repeat(100)).length, 61);
    assert.equal(shown({ password: 'secret' }), 'an object');
    assert.equal(shown([1]), 'an array');
  });

  it('keep a reason printable and within its bound', () => {
    assert.equal(reasonText(undefined), '');
    assert.equal(reasonText(' too\nslow '), 'too slow');
    const long = 'x'.repeat(limits.reasonCharsMax + 1);
    assert.throws(() => reasonText(long), refused('request.invalid', /501 characters/));
    assert.throws(() => reasonText(7), refused('request.invalid', /string/));
  });
});

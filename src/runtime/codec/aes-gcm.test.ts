import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { HoldfastError } from '../../core/errors.ts';
import { isEnvelope, utf8Bytes } from '../../core/payload.ts';
import type { Cipher, Purpose } from '../../ports/cipher.ts';
import { aesGcm } from './aes-gcm.ts';

const keyOf = (word: string): Buffer => Buffer.alloc(32, word);
const cipherOf = (...ids: readonly string[]): Cipher =>
  aesGcm({ keys: ids.map((id) => ({ id, key: keyOf(id) })), matchKey: keyOf('match') });
const cipher = cipherOf('one');

const purposes: readonly Purpose[] = [
  ...(['input', 'result', 'progress', 'step', 'event', 'decision', 'error', 'log'] as const),
];
const purpose = fc.constantFrom(...purposes);
const text = fc.string({ unit: 'grapheme' });

/** As JSON.stringify makes it: no broken pairs. */
const code = (wanted: string) => (error: unknown) =>
  error instanceof HoldfastError && error.code === wanted;
const place = 'here';
/** What the first form of this cipher has made of `"kingfisher"` as an input. */
const firstForm =
  '{"$hf":"aes-256-gcm","k":"one","n":"gST3kSDtKilf4BbJ",' +
  '"d":"dLTnBDJYu_qmSatQEf08HyAdWxEuyyeHVoCE3g"}';
const seal = (by: Cipher, words: string, as: Purpose, same: string | null = null): string => {
  const sealed = by.seal(words, as, same, place);
  assert.ok(typeof sealed === 'string', 'it answers at once');
  return sealed;
};

describe('a sealed text', () => {
  it('opens as what it was, and says nothing of it before', () => {
    fc.assert(
      fc.property(text, purpose, fc.option(text), (words, as, same) => {
        const sealed = seal(cipher, words, as, same);
        assert.ok(isEnvelope(JSON.parse(sealed)) && sealed.startsWith('{"$hf":"aes-256-gcm"'));
        if (words.length > 8) assert.ok(!sealed.includes(words));
        assert.equal(cipher.open(sealed, as, place), words);
      }),
    );
  });

  it('is never the same twice, unless it is asked to be', () => {
    const made = new Set(Array.from({ length: 100 }, () => seal(cipher, 'x', 'input')));
    assert.equal(made.size, 100);
    const same = (words: string, as: Purpose, word: string): string =>
      seal(cipher, words, as, word);
    assert.equal(same('x', 'input', 'a'), same('x', 'input', 'a'));
    const nonces = [same('x', 'input', 'a'), same('y', 'input', 'a'), same('x', 'event', 'a')];
    nonces.push(same('x', 'input', 'b'), seal(cipherOf('two'), 'x', 'input', 'a'));
    const read = (sealed: string) => (JSON.parse(sealed) as { readonly n: string }).n;
    assert.equal(new Set(nonces.map(read)).size, nonces.length);
  });

  it('opens under no other purpose', () => {
    for (const as of purposes) {
      const sealed = seal(cipher, '"x"', as);
      for (const other of purposes) {
        if (other === as) continue;
        assert.throws(() => cipher.open(sealed, other, place), code('payload.damaged'));
      }
    }
  });

  it('opens at no other place', () => {
    const sealed = seal(cipher, '"x"', 'step');
    assert.throws(() => cipher.open(sealed, 'step', 'there'), code('payload.damaged'));
    const older = sealed.replace('"v":2,', '');
    assert.throws(() => cipher.open(older, 'step', place), code('payload.damaged'));
  });

  it('opens in the form of before there were places, which nobody can make of the newer', () => {
    // Kept as it was written by the first form, under the key 'one'.
    assert.equal(cipher.open(firstForm, 'input', 'anywhere'), '"kingfisher"');
    assert.throws(() => cipher.open(firstForm, 'result', 'anywhere'), code('payload.damaged'));
    const newer = firstForm.replace('"k":', '"v":2,"k":');
    assert.throws(() => cipher.open(newer, 'input', 'anywhere'), code('payload.damaged'));
  });

  it('is refused after any change of any of its bytes', () => {
    const sealed = JSON.parse(seal(cipher, '"secret words"', 'input')) as Record<string, string>;
    for (const field of ['n', 'd']) {
      const bytes = Buffer.from(sealed[field] ?? '', 'base64url');
      for (let at = 0; at < bytes.length; at += 1) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ 1;
        const other = JSON.stringify({ ...sealed, [field]: changed.toString('base64url') });
        assert.throws(() => cipher.open(other, 'input', place), code('payload.damaged'));
      }
      for (const cut of ['', bytes.subarray(1).toString('base64url'), 'AAAA']) {
        const other = JSON.stringify({ ...sealed, [field]: cut });
        assert.throws(() => cipher.open(other, 'input', place), code('payload.damaged'));
      }
    }
    const renamed = JSON.stringify({ ...sealed, k: 'two' });
    assert.throws(
      () => cipherOf('one', 'two').open(renamed, 'input', place),
      code('payload.damaged'),
    );
  });

  it('opens under every key that is known, and names the one that is not', () => {
    const old = seal(cipherOf('one'), 'x', 'step');
    assert.equal(cipherOf('two', 'one').open(old, 'step', place), 'x');
    assert.throws(() => cipherOf('two').open(old, 'step', place), {
      code: 'payload.no_key',
      message: /under the key 'one'/,
    });
    // The id is a part of what is sealed, whatever the key.
    const keys = ['one', 'two'].map((id) => ({ id, key: keyOf('one') }));
    const renamed = old.replace('"k":"one"', '"k":"two"');
    assert.throws(() => aesGcm({ keys }).open(renamed, 'step', place), code('payload.damaged'));
    // Another key of the same id.
    const other = aesGcm({ keys: [{ id: 'one', key: keyOf('other') }] });
    assert.throws(() => other.open(old, 'step', place), code('payload.damaged'));
  });

  it('is sealed by the first key, and found again as an earlier one sealed it', () => {
    const both = cipherOf('two', 'one');
    assert.match(seal(both, 'x', 'event', 'a'), /"k":"two"/);
    const earlier = both.earlier('x', 'event', 'a', place);
    assert.ok(!(earlier instanceof Promise));
    const [first, ...before] = earlier;
    assert.deepEqual(first, { sealed: seal(cipherOf('one'), 'x', 'event', 'a'), placed: true });
    assert.deepEqual(
      before.map(({ placed }) => placed),
      [false, false],
    );
    for (const { sealed } of before) assert.equal(both.open(sealed, 'event', 'anywhere'), 'x');
  });

  it('has no more bytes than there is room for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 5_000 }), fc.string({ maxLength: 20 }), (max, id) => {
        fc.pre(id !== '' && /^[\x20-\x7e]+$/.test(id));
        const one = aesGcm({ keys: [{ id, key: keyOf('x') }] });
        const room = one.room(max);
        const bytes = utf8Bytes(seal(one, 'x'.repeat(room), 'input'));
        assert.ok(bytes <= max && bytes > max - 12, `${bytes} of ${max}`);
      }),
    );
    assert.equal(cipher.room(10), 0);
  });
});

describe('the keys of a cipher', () => {
  it('are bytes, base64 or hex', () => {
    const key = keyOf('k');
    const sealed = seal(aesGcm({ keys: [{ id: 'k', key }] }), 'x', 'log');
    for (const given of [key.toString('hex'), key.toString('base64'), new Uint8Array(key)]) {
      assert.equal(aesGcm({ keys: [{ id: 'k', key: given }] }).open(sealed, 'log', place), 'x');
    }
  });

  it('are refused when they are wrong, and never shown', () => {
    const wrong = [keyOf('k').subarray(1), 'short-secret', '', 7, null];
    for (const key of wrong) {
      const keys = [{ id: 'k', key: key as string }];
      assert.throws(
        () => aesGcm({ keys }),
        (error: Error) => {
          assert.match(error.message, /^the key 'k' must be 32 bytes/);
          assert.ok(!inspect(error).includes('short-secret'));
          return code('request.invalid')(error);
        },
      );
    }
    const twice = [1, 2].map(() => ({ id: 'k', key: keyOf('k') }));
    assert.throws(() => aesGcm({ keys: [] }), code('request.invalid'));
    assert.throws(() => aesGcm({ keys: twice }), code('request.invalid'));
    assert.throws(() => aesGcm({ keys: [{ id: '', key: keyOf('k') }] }), code('key.invalid'));
    for (const shown of [inspect(cipher, { depth: 9, showHidden: true }), JSON.stringify(cipher)]) {
      for (const encoding of ['hex', 'base64', 'latin1'] as const) {
        assert.ok(!shown.includes(keyOf('one').toString(encoding)));
      }
      assert.ok(!shown.includes('6f 6e 65 6f 6e 65'));
    }
  });

  it('make words that stand for texts, the same for all that have the key to match', () => {
    const [a, b] = [cipherOf('one').blind, cipherOf('two', 'one').blind];
    assert.ok(a !== null && b !== null);
    assert.equal(a('x'), b('x'));
    assert.notEqual(a('x'), a('y'));
    assert.match(a('x'), /^[\w-]{22}$/);
    assert.equal(aesGcm({ keys: [{ id: 'k', key: keyOf('k') }] }).blind, null);
  });
});

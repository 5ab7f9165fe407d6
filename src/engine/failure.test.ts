import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HoldfastError } from '../core/errors.ts';
import { NonRetryableError, RetryAtError } from '../core/handler-error.ts';
import { limits } from '../core/limits.ts';
import { failureOf } from './failure.ts';

describe('what a handler throws', () => {
  it('is kept with class, message, stack and a code that is a word', () => {
    const thrown = Object.assign(new TypeError('no such file'), {
      code: 'ENOENT',
      path: '/secret',
    });
    const { error, advice } = failureOf(thrown);
    assert.equal(error.code, 'ENOENT');
    assert.equal(error.message, 'no such file');
    assert.equal(error.name, 'TypeError');
    assert.match(error.stack ?? '', /failure\.test/);
    assert.equal(advice, undefined);
    assert.equal(JSON.stringify(error).includes('/secret'), false);
  });

  it('has a standard code when it brings none that is a word', () => {
    for (const code of [undefined, 7, '', 'two words', 'x'.repeat(200)]) {
      const { error } = failureOf(Object.assign(new Error('x'), { code }));
      assert.equal(error.code, 'attempt.failed');
    }
  });

  it('may be no error at all', () => {
    assert.match(failureOf('boom').error.message, /threw 'boom'/);
    assert.match(failureOf(undefined).error.message, /threw undefined/);
    assert.match(failureOf(null).error.message, /threw null/);
    assert.match(failureOf({ message: 'soft', token: 't' }).error.message, /says 'soft'/);
    assert.equal(JSON.stringify(failureOf({ token: 'secret' })).includes('secret'), false);
  });

  it('is bounded', () => {
    const thrown = new Error('x'.repeat(100_000));
    const { error } = failureOf(thrown);
    assert.equal(error.message.length, limits.errorMessageCharsMax);
    assert.equal(error.stack?.length, limits.errorStackCharsMax);
  });

  it('breaks nothing even when reading it throws', () => {
    const hostile = new Proxy(new Error('x'), {
      get: () => assert.fail('do not look'),
    });
    assert.equal(failureOf(hostile).error.code, 'attempt.failed');
  });

  it('says whether and when to try again', () => {
    assert.deepEqual(failureOf(new NonRetryableError('x')).advice, { kind: 'never' });
    const after = new RetryAtError('x', { afterMs: 50 });
    assert.deepEqual(failureOf(after).advice, { kind: 'after', delayMs: 50 });
    const at = new RetryAtError('x', { at: 9_000 });
    assert.deepEqual(failureOf(at).advice, { kind: 'at', at: 9_000 });
    assert.equal(failureOf(new RetryAtError('x', {})).advice, undefined);
    const large = new HoldfastError('payload.too_large', 'x');
    assert.deepEqual(failureOf(large).advice, { kind: 'never' });
  });
});

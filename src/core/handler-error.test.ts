import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NonRetryableError, RetryAtError } from './handler-error.ts';

describe('the errors of handlers', () => {
  it('carry message, code and cause', () => {
    const cause = new Error('below');
    const error = new NonRetryableError('declined', { code: 'card.declined', cause });
    assert.deepEqual(
      [error.message, error.code, error.cause, error.name],
      ['declined', 'card.declined', cause, 'NonRetryableError'],
    );
    assert.equal('cause' in new NonRetryableError('x'), false);
  });

  it('take the time to try again as a date, a number or a delay', () => {
    assert.equal(new RetryAtError('later', { at: new Date(5_000) }).at, 5_000);
    assert.equal(new RetryAtError('later', { at: 7_000 }).at, 7_000);
    assert.equal(new RetryAtError('later', { afterMs: 30 }).afterMs, 30);
  });

  it('leave the time to the policy when it is not usable', () => {
    const error = new RetryAtError('later', { at: new Date('nonsense'), afterMs: Number.NaN });
    assert.deepEqual([error.at, error.afterMs], [null, null]);
  });
});

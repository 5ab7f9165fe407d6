/** When a request is sent again, for every kind of failure. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { delayBefore, type Failed, retryDefault } from './retry.ts';

const failed = (done: Failed['done'], afterMs: number | null = null): Failed => ({ done, afterMs });
const always = { ...retryDefault, attemptsMax: 1_000 };

describe('the delay before a request is sent again', () => {
  it('is none for what stands, and for what may be doubled', () => {
    assert.equal(delayBefore(failed('final'), true, 1, always, 0), null);
    assert.equal(delayBefore(failed('unknown'), false, 1, always, 0), null);
    assert.equal(delayBefore(failed('unknown'), true, 1, always, 0), 250);
    assert.equal(delayBefore(failed('nothing'), false, 1, always, 0), 250);
  });

  it('is none after as many sendings as allowed', () => {
    assert.equal(delayBefore(failed('nothing'), true, 4, retryDefault, 0), 2_000);
    assert.equal(delayBefore(failed('nothing'), true, 5, retryDefault, 0), null);
  });

  it('doubles up to its bound, and chance takes away half at most (R3)', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 900 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (n, chance) => {
          const delay = delayBefore(failed('nothing'), false, n, always, chance) ?? -1;
          const grown = Math.min(250 * 2 ** (n - 1), 10_000);
          assert.ok(delay <= grown && delay >= grown / 2, `${delay} of ${grown}`);
        },
      ),
    );
  });

  it('is never shorter than Retry-After, and none if that is too long (R2)', () => {
    assert.equal(delayBefore(failed('nothing', 3_000), false, 1, always, 0), 3_250);
    assert.equal(delayBefore(failed('nothing', 10_000), true, 1, always, 0), 10_250);
    assert.equal(delayBefore(failed('nothing', 10_001), true, 1, always, 0), null);
  });
});

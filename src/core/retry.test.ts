import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { RetryPolicy } from './retry.ts';
import { delayAfter, nextTry, retryDefault } from './retry.ts';
import { wallMs } from './time.ts';

const now = wallMs(1_000_000);
const delayMs = fc.oneof(fc.nat(100_000), fc.double({ min: 0, max: 1e11, noNaN: true }));
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const policy: fc.Arbitrary<RetryPolicy> = fc.record({
  attemptsMax: fc.integer({ min: 1, max: 1_000 }),
  backoff: fc.constantFrom('fixed', 'exponential'),
  delayMs,
  factor: fc.double({ min: 1, max: 1_000, noNaN: true }),
  delayMsMax: delayMs,
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
});
const failures = fc.integer({ min: 1, max: 1_000 });
const steady = (over: Partial<RetryPolicy>): RetryPolicy => ({
  ...retryDefault,
  jitter: 0,
  ...over,
});

describe('the delay before the next attempt', () => {
  it('R2: lies between nothing and the cap, after any number of failures', () => {
    fc.assert(
      fc.property(policy, failures, (terms, count) => {
        const delay = delayAfter(terms, count);
        assert.ok(delay >= 0 && delay <= terms.delayMsMax, `${delay}`);
      }),
    );
  });

  it('R2: is only ever shortened by jitter, by no more than its share', () => {
    fc.assert(
      fc.property(policy, failures, chance, (terms, count, luck) => {
        const at = nextTry({ ...terms, attemptsMax: count + 1 }, count, undefined, luck, now);
        assert.ok(at !== null);
        const full = delayAfter(terms, count);
        assert.ok(at - now <= full, `${at - now} > ${full}`);
        // A whole millisecond of rounding, and what a sum of this size cannot tell apart.
        assert.ok(at - now >= full * (1 - terms.jitter) - 1 - full * 1e-9);
      }),
    );
  });

  it('never shrinks from one failure to the next', () => {
    fc.assert(
      fc.property(policy, failures, (terms, count) => {
        assert.ok(delayAfter(terms, count + 1) >= delayAfter(terms, count));
      }),
    );
  });

  it('grows by the factor when exponential, up to the cap', () => {
    const terms = steady({ delayMs: 100, factor: 3, delayMsMax: 1_000, attemptsMax: 9 });
    const delays = [1, 2, 3, 4].map((count) => delayAfter(terms, count));
    assert.deepEqual(delays, [100, 300, 900, 1_000]);
  });

  it('stays the same when fixed', () => {
    const terms = steady({ backoff: 'fixed', delayMs: 100, factor: 3 });
    assert.deepEqual(
      [1, 2, 3].map((count) => delayAfter(terms, count)),
      [100, 100, 100],
    );
  });

  it('is none after any number of failures when the policy wants none', () => {
    const terms = steady({ delayMs: 0, factor: 1_000, attemptsMax: 1_000 });
    assert.equal(delayAfter(terms, 999), 0);
  });
});

describe('whether there is a next attempt', () => {
  it('R1: says yes for as long as failures are below the budget', () => {
    fc.assert(
      fc.property(policy, failures, chance, (terms, count, luck) => {
        const at = nextTry(terms, count, undefined, luck, now);
        assert.equal(at !== null, count < terms.attemptsMax);
      }),
    );
  });

  it('R3: follows an error that forbids it', () => {
    assert.equal(nextTry(retryDefault, 1, { kind: 'never' }, 0, now), null);
  });

  it('R3: waits until the time that the error names, never a time that is over', () => {
    const at = (time: number): number | null =>
      nextTry(retryDefault, 1, { kind: 'at', at: wallMs(time) }, 0.5, now);
    assert.equal(at(now + 77), now + 77);
    assert.equal(at(now - 77), now);
  });

  it('R3: waits as long as the error says, without jitter, even beyond the cap', () => {
    const after = (ms: number): number | null =>
      nextTry(retryDefault, 1, { kind: 'after', delayMs: ms }, 0.5, now);
    assert.equal(after(5), now + 5);
    assert.equal(after(retryDefault.delayMsMax * 2), now + retryDefault.delayMsMax * 2);
    assert.equal(after(-5), now);
  });

  it('R1: gives an error no attempt beyond the budget', () => {
    const { attemptsMax } = retryDefault;
    assert.equal(nextTry(retryDefault, attemptsMax, { kind: 'after', delayMs: 1 }, 0, now), null);
    assert.equal(nextTry(retryDefault, attemptsMax, { kind: 'at', at: now }, 0, now), null);
  });
});

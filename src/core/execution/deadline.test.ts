import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { retryDefault } from '../retry.ts';
import { wallMs } from '../time.ts';
import { overdueMarginMs, patienceAtClaim, patienceAtStop } from './deadline.ts';
import type { RunTerms } from './run.ts';

const now = wallMs(10_000);
const terms: RunTerms = {
  hasLane: false,
  deadlineAt: null,
  retry: retryDefault,
  onCrash: 'retry',
  crashesMax: 3,
  attemptTimeoutMs: null,
  graceMs: 500,
};

describe('the patience of others with an owner', () => {
  it('has no end for an attempt that nothing bounds', () => {
    assert.equal(patienceAtClaim(terms, now), null);
  });

  it("D1: is the attempt's timeout, the grace that the owner gives, and a margin", () => {
    const patience = patienceAtClaim({ ...terms, attemptTimeoutMs: 3_000 }, now);
    assert.deepEqual(patience, { forMs: 3_000 + 500 + overdueMarginMs, cause: 'attempt' });
  });

  it('ends with the total deadline when that comes first', () => {
    const bounded = { ...terms, attemptTimeoutMs: 3_000, deadlineAt: wallMs(now + 1_000) };
    const patience = patienceAtClaim(bounded, now);
    assert.deepEqual(patience, { forMs: 1_000 + 500 + overdueMarginMs, cause: 'deadline' });
  });

  it("ends with the attempt's timeout when that comes before the deadline", () => {
    const bounded = { ...terms, attemptTimeoutMs: 3_000, deadlineAt: wallMs(now + 9_000) };
    assert.equal(patienceAtClaim(bounded, now)?.cause, 'attempt');
  });

  it('leaves the grace to an owner that claims after the deadline', () => {
    const late = { ...terms, deadlineAt: wallMs(now - 9_000) };
    const patience = patienceAtClaim(late, now);
    assert.deepEqual(patience, { forMs: 500 + overdueMarginMs, cause: 'deadline' });
  });

  it('is the grace and the margin from the moment on at which it is asked to stop', () => {
    assert.deepEqual(patienceAtStop(terms), { forMs: 500 + overdueMarginMs, cause: 'stop' });
  });
});

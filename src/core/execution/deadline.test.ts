import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limits } from '../limits.ts';
import { retryDefault } from '../retry.ts';
import { wallMs } from '../time.ts';
import {
  attemptMsLeft,
  overdueMarginMs,
  patienceAtClaim,
  patienceAtStop,
  patienceInQueue,
} from './deadline.ts';
import type { RunTerms } from './run.ts';

const now = wallMs(10_000);
const { cleanUpWaitMs } = limits;
const terms: RunTerms = {
  hasLane: false,
  hasSteps: false,
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

  it('with whoever may take up a run that is to clean up ends some time after the cancel', () => {
    const stop = { cause: 'cancel', reason: 'why', since: now } as const;
    const after = (ms: number) => patienceInQueue(stop, wallMs(now + ms)).forMs;
    assert.deepEqual([after(0), after(cleanUpWaitMs - 1)], [cleanUpWaitMs, 1]);
    assert.deepEqual([after(cleanUpWaitMs + 1), after(-5_000)], [0, cleanUpWaitMs]);
    assert.equal(patienceInQueue(stop, now).cause, 'stop');
  });

  it('is the grace and the margin from the moment on at which it is asked to stop', () => {
    assert.deepEqual(patienceAtStop(terms), { forMs: 500 + overdueMarginMs, cause: 'stop' });
  });
});

describe('the time of an attempt', () => {
  const bounded = { attemptTimeoutMs: 3_000, graceMs: 500 };
  const freeMs = 500 + overdueMarginMs / 2;

  it('has no end without a timeout, however late its claim was answered', () => {
    const unbounded = { ...bounded, attemptTimeoutMs: null };
    assert.equal(attemptMsLeft(unbounded, 1_000_000), Number.POSITIVE_INFINITY);
  });

  it('is the whole timeout, unless the answer took longer than what others wait beyond it', () => {
    for (const askedMs of [0, 5, freeMs]) assert.equal(attemptMsLeft(bounded, askedMs), 3_000);
    assert.equal(attemptMsLeft(bounded, freeMs + 1_000), 2_000);
  });

  it('is none when less than half of the timeout would be left', () => {
    assert.equal(attemptMsLeft(bounded, freeMs + 1_500), 1_500);
    assert.equal(attemptMsLeft(bounded, freeMs + 1_501), null);
  });

  it('D3: is over a good while before the patience of others', () => {
    const samples = [
      { attemptTimeoutMs: 1, graceMs: 0 },
      { attemptTimeoutMs: 60_000, graceMs: 0 },
      { attemptTimeoutMs: 10, graceMs: 60_000 },
      bounded,
    ];
    for (const sample of samples) {
      const patience = patienceAtClaim({ ...terms, ...sample }, now);
      for (let askedMs = 0; askedMs < 100_000; askedMs += 250) {
        const leftMs = attemptMsLeft(sample, askedMs);
        if (leftMs === null) break;
        assert.ok(askedMs + leftMs <= (patience?.forMs ?? 0) - overdueMarginMs / 2);
      }
    }
  });
});

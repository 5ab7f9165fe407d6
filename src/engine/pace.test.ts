import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pace } from './pace.ts';

/** Handlers of `tookMs` settling at `perMs` for `forMs`. */
function worked(slots: number, tookMs: number, perMs: number, forMs: number) {
  const pace = new Pace(slots);
  let now = 1_000;
  for (let n = 0; n < forMs * perMs; n += 1) {
    now += 1 / perMs;
    pace.settled(tookMs, now);
  }
  return { pace, now };
}

describe('the pace', () => {
  it('knows nothing at first and claims nothing ahead', () => {
    assert.equal(new Pace(24).ahead(0), 0);
  });

  it('lets short handlers run ahead, up to eight for each slot', () => {
    const { pace, now } = worked(24, 0.05, 25, 200);
    assert.equal(pace.ahead(now), 192);
  });

  it('lets more run ahead where a claim takes long, up to a bound', () => {
    const { pace, now } = worked(24, 0.05, 25, 200);
    for (let n = 0; n < 100; n += 1) pace.claimed(4);
    assert.equal(pace.ahead(now), Math.floor(24 * 8 * (12 / 5)));
    for (let n = 0; n < 100; n += 1) pace.claimed(1_000);
    assert.equal(pace.ahead(now), 24 * 48);
  });

  it('has a store that is far away asked again sooner', () => {
    const { pace } = worked(24, 0.05, 25, 200);
    assert.equal(pace.missingMin, 1 / 2);
    for (let n = 0; n < 100; n += 1) pace.claimed(4);
    assert.equal(pace.missingMin, 1 / 6);
  });

  it('hoards nothing for long handlers, however long a claim takes', () => {
    const { pace, now } = worked(16, 400, 0.04, 5_000);
    for (let n = 0; n < 100; n += 1) pace.claimed(1);
    assert.equal(pace.ahead(now), 0);
  });

  it('believes what was done where handlers share one thread', () => {
    // 24 slots of handlers that compute for 1 ms each: one a millisecond, whatever the slots say.
    const { pace, now } = worked(24, 1, 1, 200);
    assert.ok(pace.ahead(now) <= 10, `${pace.ahead(now)}`);
    assert.ok(pace.ahead(now) >= 5);
  });

  it('forgets a pace that is over', () => {
    const { pace, now } = worked(24, 0.05, 25, 200);
    assert.ok(pace.ahead(now + 2_000) < 5, `${pace.ahead(now + 2_000)}`);
    assert.equal(pace.ahead(now + 60_000), 0);
  });

  it('starts anew after a reset', () => {
    const { pace, now } = worked(24, 0.05, 25, 200);
    pace.reset();
    assert.equal(pace.ahead(now), 0);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { monoMs } from '../../src/core/time.ts';
import { JudgeSight } from '../../src/store/judge-clock.ts';
import { JudgeClock } from './judge-clock.ts';

/** A clock in a database whose wall clock the test sets. */
function scene() {
  const wall = { at: 0 };
  const clock = new JudgeClock('own-time', () => wall.at);
  const sight = new JudgeSight();
  /** A beat that is sent, committed and answered at the same moment of the node's clock. */
  const beat = (at: number, epoch = 0): number => {
    clock.beat(sight.least(monoMs(at)), epoch);
    sight.answered({ judge: clock.now(), epoch }, monoMs(at));
    return clock.now();
  };
  return { wall, clock, beat };
}

describe("the judge's clock", () => {
  it('counts what the clocks of nodes count between two of their beats (J1)', () => {
    const { beat } = scene();
    assert.deepEqual([beat(100), beat(3_100), beat(6_200)], [0, 3_000, 6_100]);
  });

  it('does not heed the wall clock, and stands still while nobody beats (J2)', () => {
    const { wall, clock, beat } = scene();
    beat(0);
    wall.at = 9_000_000;
    assert.equal(clock.now(), 0);
    assert.equal(beat(3_000), 3_000);
    wall.at = -9_000_000;
    assert.equal(beat(6_000), 6_000);
  });

  it('moves by one step at the most, however long nobody beat (J2)', () => {
    const { beat } = scene();
    beat(0);
    assert.equal(beat(60_000), 3_500);
    assert.equal(beat(63_000), 6_500);
  });

  it('is moved by the one who knows most, and not back by the others (J1, J2)', () => {
    const { clock } = scene();
    clock.beat({ judge: 3_000, epoch: 0 }, 0);
    clock.beat({ judge: 2_900, epoch: 0 }, 0);
    clock.beat(null, 0);
    assert.equal(clock.now(), 3_000);
  });

  it('is not moved by what was seen before a failover (J3)', () => {
    const { clock, beat } = scene();
    beat(0);
    beat(3_000);
    clock.restore({ at: 500, wall: 0 });
    assert.equal(beat(6_000, 1), 500);
    assert.equal(beat(9_000, 1), 3_500);
  });
});

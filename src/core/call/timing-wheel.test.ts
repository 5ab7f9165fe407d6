/** The wheel beside a list that is looked through. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Timed, TimingWheel, tickMs } from './timing-wheel.ts';

interface Item extends Timed {
  readonly n: number;
  at: number;
}

const item = (n: number): Item => ({
  ...{ n, at: 0, dueTick: 0, wheelSlot: -1, wheelNext: null, wheelPrev: null },
});

const dayMs = 86_400_000;
/** Near and far, and around the ends of levels. */
const delay = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 0, max: 5_000 }),
  fc.integer({ min: 0, max: 40 * dayMs }),
  fc.constantFrom(...[1, 63, 64, 65, 4_095, 4_096, 4_097, 262_144].map((ticks) => ticks * tickMs)),
);

const action = fc.oneof(
  fc.record({ do: fc.constant('set' as const), n: fc.nat(19), ms: delay }),
  fc.record({ do: fc.constant('drop' as const), n: fc.nat(19) }),
  fc.record({ do: fc.constant('turn' as const), ms: delay }),
);

describe('the wheel', () => {
  it('tells what is due in time, and nothing before it (W2)', () => {
    fc.assert(
      fc.property(fc.nat(10 * dayMs), fc.array(action, { maxLength: 60 }), (start, actions) => {
        const wheel = new TimingWheel<Item>(start);
        const items = Array.from({ length: 20 }, (_, n) => item(n));
        const set = new Set<Item>();
        let now = start;
        for (const one of actions) {
          if (one.do === 'turn') {
            now += one.ms;
            const due: Item[] = [];
            wheel.turn(now, (fired) => void due.push(fired));
            for (const fired of due) {
              assert.ok(set.delete(fired), 'it was set');
              assert.ok(fired.at <= now, `${fired.at} is due at ${now}`);
            }
            for (const left of set) assert.ok(left.at > now - 2 * tickMs, `${left.at} at ${now}`);
          } else {
            const target = items[one.n];
            assert.ok(target);
            if (one.do === 'drop') {
              wheel.drop(target);
              set.delete(target);
            } else {
              target.at = now + one.ms;
              assert.ok(wheel.set(target, target.at) <= target.at + 2 * tickMs);
              set.add(target);
            }
          }
          assert.equal(wheel.size, set.size);
          assert.equal(wheel.nextMs() === null, set.size === 0);
        }
        let last = 0;
        for (let next = wheel.nextMs(); next !== null; next = wheel.nextMs()) {
          assert.ok(next > last, 'it comes to an end');
          last = next;
          wheel.turn(next, (fired) => void set.delete(fired));
        }
        assert.equal(set.size, 0);
      }),
      { numRuns: 300 },
    );
  });

  it('can be set anew by what is due', () => {
    const wheel = new TimingWheel<Item>(0);
    const again = item(0);
    let times = 0;
    wheel.set(again, 100);
    for (let now = 0; now <= 1_000; now += 10) {
      wheel.turn(now, () => {
        times += 1;
        wheel.set(again, now + 100);
      });
    }
    assert.ok(times >= 7 && times <= 10, `${times} times`);
  });
});

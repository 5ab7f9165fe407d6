import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Order } from './order.ts';

/** Gives whatever can be given. */
function given(order: Order<number>): number[] {
  const list: number[] = [];
  for (let next = order.next(); typeof next === 'number'; next = order.next()) {
    list.push(next);
    order.pass();
  }
  return list;
}

describe('Order', () => {
  it('Y1 Y2: gives each end once and in order, in whatever order they are learned', () => {
    const learned = fc.integer({ min: 0, max: 20 }).chain((count) => {
      const all = Array.from({ length: count }, (_, index) => index + 1);
      return fc.tuple(
        fc.shuffledSubarray(all, { minLength: count }),
        fc.array(fc.constantFrom(0, ...all)),
        fc.constant(all),
      );
    });
    fc.assert(
      fc.property(learned, ([once, again, all]) => {
        const order = new Order<number>();
        const list: number[] = [];
        for (const [at, nth] of once.entries()) {
          order.learn(nth, nth);
          order.learn(again[at] ?? nth, again[at] ?? nth);
          list.push(...given(order));
        }
        assert.deepEqual(list, all);
        assert.equal(order.seen, all.length);
        assert.equal(order.next(), null);
      }),
    );
  });

  it('Y1: an end that is not known comes before the ones behind it', () => {
    const order = new Order<string>();
    order.learn(2, 'second');
    assert.equal(order.next(), 'missing');
    order.learn(1, 'first');
    assert.equal(order.next(), 'first');
  });
});

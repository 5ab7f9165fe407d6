/**
 * The arithmetic of flow control against models that are slow and plain: they remember every start
 * and look at all of them.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  debouncedUntil,
  type FlowBucket,
  type FlowTimes,
  type Pace,
  takeBucket,
  takeSliding,
  takeThrottle,
} from './flow.ts';

const start = 1_700_000_000_000;
const pace = fc.record({
  max: fc.integer({ min: 1, max: 7 }),
  perMs: fc.integer({ min: 1, max: 40 }),
});
/** Milliseconds from one start to the next; often none. */
const gaps = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 25 })), { maxLength: 80 });
const lives = fc.tuple(pace, gaps);

/** The times of all starts of a life. */
function* times(gaps: readonly number[]): Generator<number> {
  let now = start;
  for (const gap of gaps) {
    now += gap;
    yield now;
  }
}

/** How many of some times lie in [from, to). */
const within = (all: readonly number[], from: number, to: number): number =>
  all.filter((one) => one >= from && one < to).length;

describe('a sliding window', () => {
  it('takes a start exactly if fewer than max were taken within the period before', () => {
    fc.assert(
      fc.property(lives, ([terms, gaps]) => {
        const taken: number[] = [];
        let state: FlowTimes | null = null;
        for (const now of times(gaps)) {
          const before = within(taken, now - terms.perMs + 1, now + 1);
          const answer = takeSliding(state, terms, now);
          assert.equal(answer.ok, before < terms.max);
          if (!answer.ok) {
            const then = now + answer.retryAfterMs;
            assert.ok(takeSliding(state, terms, then).ok, 'it may come when it was told to');
            assert.ok(!takeSliding(state, terms, then - 1).ok, 'and no sooner');
            continue;
          }
          taken.push(now);
          state = answer.state;
          assert.ok(state.length <= terms.max + 1, 'no more is kept than counts');
        }
        for (const from of taken) assert.ok(within(taken, from, from + terms.perMs) <= terms.max);
      }),
    );
  });

  it('lets nobody wait for a clock that has stepped back', () => {
    const terms = { max: 1, perMs: 1_000 };
    const first = takeSliding(null, terms, start);
    assert.ok(first.ok);
    const back = takeSliding(first.state, terms, start - 3_600_000);
    assert.ok(!back.ok && back.moved !== null && back.retryAfterMs === 1_000);
    // A refusal uses nothing up, and nobody who asks again waits for the step either.
    const soon = takeSliding(back.moved, terms, start - 3_600_000 + 999);
    assert.deepEqual(soon, { ok: false, retryAfterMs: 1, moved: null });
    assert.ok(takeSliding(back.moved, terms, start - 3_600_000 + 1_000).ok);
  });
});

/** A bucket with exact fractions: every number is kept as its numerator over `perMs`. */
function naiveBucket({ max, perMs }: Pace) {
  let tokens = BigInt(max) * BigInt(perMs);
  let at = start;
  return (now: number): boolean => {
    const full = BigInt(max) * BigInt(perMs);
    tokens += BigInt(now - at) * BigInt(max);
    if (tokens > full) tokens = full;
    at = now;
    if (tokens < BigInt(perMs)) return false;
    tokens -= BigInt(perMs);
    return true;
  };
}

describe('a bucket', () => {
  it('takes what a bucket with exact fractions takes, and says when the next one may come', () => {
    fc.assert(
      fc.property(lives, ([terms, gaps]) => {
        const model = naiveBucket(terms);
        let state: FlowBucket | null = null;
        for (const now of times(gaps)) {
          const answer = takeBucket(state, terms, now);
          assert.equal(answer.ok, model(now));
          if (answer.ok) {
            state = answer.state;
            continue;
          }
          const then = now + answer.retryAfterMs;
          assert.ok(takeBucket(state, terms, then).ok, 'it may come when it was told to');
          assert.ok(!takeBucket(state, terms, then - 1).ok, 'and no sooner');
        }
      }),
    );
  });

  it('is exact at its bounds', () => {
    const terms = { max: 1_000_000, perMs: 2_592_000_000 };
    let state: FlowBucket | null = [start, terms.perMs * (terms.max - 1), terms.max, terms.perMs];
    const last = takeBucket(state, terms, start);
    assert.ok(last.ok);
    state = last.state;
    assert.deepEqual(takeBucket(state, terms, start), {
      ...{ ok: false, retryAfterMs: 2_592, moved: null },
    });
    assert.ok(takeBucket(state, terms, start + 2_592).ok);
  });

  it('counts what was taken under other terms as as many starts', () => {
    const old = { max: 2, perMs: 1_000 };
    const first = takeBucket(null, old, start);
    assert.ok(first.ok);
    const narrower = { max: 1, perMs: 60_000 };
    assert.deepEqual(takeBucket(first.state, narrower, start), {
      ...{ ok: false, retryAfterMs: 60_000, moved: null },
    });
  });

  it('lets nobody wait for a clock that has stepped back', () => {
    const terms = { max: 2, perMs: 1_000 };
    const back = start - 3_600_000;
    const refused = takeBucket([start, 2_000, terms.max, terms.perMs], terms, back);
    assert.ok(!refused.ok && refused.moved !== null && refused.retryAfterMs === 500);
    assert.ok(!takeBucket(refused.moved, terms, back + 499).ok);
    assert.ok(takeBucket(refused.moved, terms, back + 500).ok);
  });
});

describe('a throttle', () => {
  it('gives each run the first time that fits, in order', () => {
    fc.assert(
      fc.property(lives, ([terms, gaps]) => {
        const dues: number[] = [];
        let state: FlowTimes | null = null;
        for (const now of times(gaps)) {
          const fits = (at: number): boolean =>
            at >= (dues.at(-1) ?? at) && within(dues, at - terms.perMs + 1, at + 1) < terms.max;
          let first = now;
          while (!fits(first)) first += 1;
          const answer = takeThrottle(state, terms, now);
          assert.equal(answer.dueAt, first);
          dues.push(answer.dueAt);
          state = answer.state;
          assert.ok(state.length <= terms.max + 1, 'no more is kept than counts');
        }
      }),
    );
  });

  it('keeps the order when a wider pace follows', () => {
    let state: FlowTimes | null = null;
    for (const _ of [1, 2, 3]) ({ state } = takeThrottle(state, { max: 1, perMs: 1_000 }, start));
    assert.equal(takeThrottle(state, { max: 9, perMs: 1_000 }, start).dueAt, start + 2_000);
  });

  it('keeps its backlog when the clock steps back, and moves it along', () => {
    const terms = { max: 1, perMs: 1_000 };
    const first = takeThrottle(null, terms, start);
    const second = takeThrottle(first.state, terms, start);
    assert.equal(second.dueAt, start + 1_000);
    const third = takeThrottle(second.state, terms, start - 5_000);
    assert.equal(third.dueAt, start - 5_000 + 2_000);
  });
});

describe('a debounce', () => {
  it('waits for quiet after the last start, and never past its deadline', () => {
    const terms = { quietMs: 100, maxMs: 250 };
    assert.equal(debouncedUntil(start, terms, start), start + 100);
    assert.equal(debouncedUntil(start, terms, start + 90), start + 190);
    assert.equal(debouncedUntil(start, terms, start + 180), start + 250);
    assert.equal(debouncedUntil(start, { quietMs: 1, maxMs: 5 }, start + 9), start + 9);
  });
});

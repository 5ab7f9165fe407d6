import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { limits } from './limits.ts';
import type { Placement, ShareClock } from './rank.ts';
import { advance, place, shareClockStart, turnsPerClaimMin, unplace } from './rank.ts';
import { wallMs } from './time.ts';

interface Waiting extends Placement {
  readonly tenant: string;
  readonly seq: number;
}

/** A queue as a store keeps it: rank fixed at arrival, the least one handed out first. */
class Queue {
  clock: ShareClock = shareClockStart(wallMs(0));
  /** Time between two hand-outs. */
  readonly #everyMs: number;
  readonly #waiting: Waiting[] = [];
  readonly #turns = new Map<string, number>();
  readonly #weights: Readonly<Record<string, number>>;
  #now = 0;
  #seq = 0;

  constructor(weights: Readonly<Record<string, number>> = {}, everyMs = 1_000) {
    this.#weights = weights;
    this.#everyMs = everyMs;
  }

  arrive(tenant: string, count: number, prioritySeconds = 0): void {
    for (let i = 0; i < count; i++) {
      const turn = this.#turns.get(tenant) ?? 0;
      const placed = place(this.clock, turn, this.#weights[tenant] ?? 1, prioritySeconds);
      this.#turns.set(tenant, placed.tenantTurn);
      this.#waiting.push({ ...placed, tenant, seq: this.#seq++ });
    }
  }

  /** Hands out one run at a time and says whose each was. */
  handOut(count: number): string[] {
    return Array.from({ length: count }, () => {
      const first = this.#waiting.toSorted((a, b) => a.rank - b.rank || a.seq - b.seq)[0];
      assert.ok(first !== undefined, 'the queue is empty');
      this.#waiting.splice(this.#waiting.indexOf(first), 1);
      this.#now += this.#everyMs;
      const backlog = this.#waiting.length > 0;
      const turns = 1 / (this.#weights[first.tenant] ?? 1);
      const handed = { count: 1, tagMax: first.tag, turns };
      this.clock = advance(this.clock, handed, backlog, wallMs(this.#now));
      return first.tenant;
    });
  }
}

const times = (order: readonly string[], tenant: string): number =>
  order.filter((name) => name === tenant).length;

const clockAt = (turn: number, turnsPerSecond: number): ShareClock => ({
  ...shareClockStart(wallMs(0)),
  turn,
  turnsPerSecond,
});

describe('fair share', () => {
  it('hands out to weights 3 and 1 in the ratio 3, whoever came first', () => {
    for (const names of [
      ['heavy', 'light'],
      ['light', 'heavy'],
    ]) {
      const queue = new Queue({ heavy: 3, light: 1 });
      for (const name of names) queue.arrive(name, 400);
      const order = queue.handOut(400);
      const ratio = times(order, 'heavy') / times(order, 'light');
      assert.ok(Math.abs(ratio / 3 - 1) <= 0.05, `ratio ${ratio}`);
    }
  });

  it('keeps the ratio in every stretch of hand-outs, not only in the end', () => {
    const queue = new Queue({ heavy: 3, light: 1 });
    queue.arrive('heavy', 300);
    queue.arrive('light', 100);
    const order = queue.handOut(400);
    for (let from = 0; from < 400; from += 40) {
      const heavy = times(order.slice(from, from + 40), 'heavy');
      assert.ok(heavy >= 28 && heavy <= 32, `${heavy} of 40 from ${from}`);
    }
  });

  it('lets a late tenant of 10 through a burst of 1,000 within 21 hand-outs', () => {
    const queue = new Queue();
    queue.arrive('burst', 1_000);
    queue.handOut(100);
    queue.arrive('late', 10);
    const order = queue.handOut(50);
    assert.equal(times(order, 'late'), 10);
    assert.ok(order.lastIndexOf('late') <= 20, `last at ${order.lastIndexOf('late')}`);
  });

  it('gives an idle tenant no share for the time in which it wanted nothing', () => {
    const queue = new Queue();
    queue.arrive('idle', 1);
    queue.arrive('busy', 500);
    queue.handOut(300);
    queue.arrive('idle', 100);
    const order = queue.handOut(100);
    assert.ok(Math.abs(times(order, 'idle') - 50) <= 1, `${times(order, 'idle')} of 100`);
  });

  it('hands out the runs of one tenant in the order of arrival', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 1_000, noNaN: true }),
        fc.nat(1e6),
        (weight, turn) => {
          const clock = clockAt(turn, 1);
          const first = place(clock, 0, weight, 0);
          const second = place(clock, first.tenantTurn, weight, 0);
          assert.ok(first.rank < second.rank);
        },
      ),
    );
  });
});

describe('priority', () => {
  it('goes ahead of what came up to so many seconds before, at the pace of the queue', () => {
    const clock = clockAt(500, 20);
    const { rank } = place(clock, 0, 1, 10);
    assert.equal(rank, 500 - 10 * 20);
  });

  it('is a place further back when it is negative', () => {
    const queue = new Queue();
    queue.arrive('patient', 1, -3);
    for (let i = 0; i < 6; i++) queue.arrive(`other-${i}`, 1);
    assert.equal(queue.handOut(7).indexOf('patient'), 6);
  });

  it('costs the tenant as many turns as any other run', () => {
    const clock = clockAt(5, 1);
    assert.equal(place(clock, 0, 2, 100).tenantTurn, place(clock, 0, 2, 0).tenantTurn);
  });

  it('buys no more than its bound', () => {
    const clock = clockAt(0, 7);
    const bound = limits.prioritySecondsMax;
    assert.equal(place(clock, 0, 1, bound * 9).rank, -bound * 7);
    assert.equal(place(clock, 0, 1, -bound * 9).rank, bound * 7);
  });

  it('K3: is measured at the pace at which the queue really moves', () => {
    const queue = new Queue({}, 50);
    queue.arrive('only', 2_000);
    queue.handOut(1_000);
    // One turn a hand-out, one hand-out in 50 ms.
    assert.ok(Math.abs(queue.clock.turnsPerSecond - 20) < 0.5, `${queue.clock.turnsPerSecond}`);
  });
});

describe('starvation', () => {
  /**
   * The worst stream there is: before every hand-out a tenant that was never seen arrives with the
   * highest head start, so that the clock moves by the least amount only. Returns the hand-outs
   * until `victim`.
   */
  function handOutsUntil(victimPriority: number, streamPriority: number): number {
    let clock = shareClockStart(wallMs(0));
    const victim = place(clock, 0, 1, victimPriority);
    const handOutsMax = 5_000_000;
    for (let count = 1; count <= handOutsMax; count++) {
      const stranger = place(clock, 0, 1, streamPriority);
      if (victim.rank <= stranger.rank) return count;
      clock = advance(clock, { count: 1, tagMax: stranger.tag, turns: 1 }, true, wallMs(count));
    }
    return Number.POSITIVE_INFINITY;
  }

  it('K2: ends after a bounded number of hand-outs, whatever new tenants may come', () => {
    for (const [victim, stream] of [
      [0, 10],
      [-10, 10],
      [0, limits.prioritySecondsMax],
    ] as const) {
      const bound = (stream - victim) / turnsPerClaimMin + 1;
      const count = handOutsUntil(victim, stream);
      assert.ok(count <= bound, `${count} hand-outs, not ${bound}, at ${victim} against ${stream}`);
    }
  });

  it('cannot happen to a run without priority among new tenants without priority', () => {
    assert.equal(handOutsUntil(0, 0), 1);
  });
});

describe('the clock of the share', () => {
  const moves = fc.array(
    fc.record({
      tagMax: fc.double({ min: -1e9, max: 1e9, noNaN: true }),
      count: fc.nat(1_000),
      backlog: fc.boolean(),
      now: fc.integer({ min: -1e9, max: 1e9 }),
    }),
  );

  it('K2: moves forward for every hand-out, even if the wall clock steps', () => {
    fc.assert(
      fc.property(moves, (list) => {
        let clock = shareClockStart(wallMs(0));
        for (const { tagMax, count, backlog, now } of list) {
          const turns = count;
          const after = advance(clock, { count, tagMax, turns }, backlog, wallMs(now));
          assert.ok(after.turn >= clock.turn + count * turnsPerClaimMin);
          assert.ok(after.turn >= Math.min(tagMax, clock.turn + turns) || count === 0);
          assert.ok(after.turn <= clock.turn + turns, 'K4: no further than what was handed out');
          assert.ok(after.turnsPerSecond >= 1 && after.turnsPerSecond <= 1_000_000);
          clock = after;
        }
      }),
    );
  });

  it('does not count the time in which nothing waited into the pace', () => {
    const before = clockAt(10, 100);
    const one = { count: 1, tagMax: 10, turns: 1 };
    const idle = advance(before, one, false, wallMs(3_600_000));
    const ten = { count: 10, tagMax: 20, turns: 10 };
    const after = advance(idle, ten, true, wallMs(3_600_100));
    assert.ok(after.turnsPerSecond >= 99, `${after.turnsPerSecond}`);
  });

  it('stands still when nothing was handed out', () => {
    const clock = clockAt(10, 100);
    const nothing = { count: 0, tagMax: 99, turns: 0 };
    assert.equal(advance(clock, nothing, true, wallMs(5_000)), clock);
  });

  it('K5: gives a turn back that was not used', () => {
    const { tenantTurn } = place(clockAt(0, 1), 7, 4, 0);
    assert.equal(unplace(tenantTurn, 4), 7);
    assert.equal(unplace(0.5, 1), 0);
  });

  it('K1: gives the same place for the same arguments', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(1e6), fc.integer({ min: -3_600, max: 3_600 }), (a, b, p) => {
        assert.deepEqual(place(clockAt(a, 3), b, 2, p), place(clockAt(a, 3), b, 2, p));
      }),
    );
  });
});

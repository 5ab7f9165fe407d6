import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from './seeded-random.ts';
import { SimulatedClock, settle } from './simulated-clock.ts';

describe('the simulated clock', () => {
  it('stands still until it is moved', async () => {
    const clock = new SimulatedClock({ wallStartMs: 5_000, monoStartMs: 100 });
    await settle(3);
    assert.equal(clock.mono(), 100);
    await clock.advance(50);
    assert.equal(clock.mono(), 150);
    assert.equal(clock.wall(), 5_050);
  });

  it('fires timers in order of their time, and then of being set (S1)', async () => {
    const clock = new SimulatedClock();
    const fired: string[] = [];
    for (const [name, ms] of [
      ['c', 30],
      ['a', 10],
      ['b', 20],
      ['b2', 20],
      ['z', 1_000],
    ] as const) {
      clock.after(ms, () => fired.push(name));
    }
    await clock.advance(30);
    assert.deepEqual(fired, ['a', 'b', 'b2', 'c']);
  });

  it('keeps thousands of timers in order while some are cancelled', async () => {
    const clock = new SimulatedClock();
    const random = seededRandom(11);
    const fired: number[] = [];
    const timers = Array.from({ length: 3_000 }, () => {
      const ms = random.int(500);
      return { ms, timer: clock.after(ms, () => fired.push(ms)) };
    });
    const cancelled = timers.filter(() => random.chance(0.5));
    for (const { timer } of cancelled) timer.cancel();
    while (clock.fireNext());
    assert.equal(fired.length, timers.length - cancelled.length);
    assert.deepEqual(
      fired,
      [...fired].sort((a, b) => a - b),
    );
  });

  it('orders timers of one time by chance when it is given some, the same for a seed', () => {
    const order = (seed: number): string => {
      const clock = new SimulatedClock({ ties: seededRandom(seed) });
      const fired: number[] = [];
      for (let n = 0; n < 8; n += 1) clock.after(5, () => fired.push(n));
      while (clock.fireNext());
      return fired.join();
    };
    assert.equal(order(1), order(1));
    assert.ok(new Set([1, 2, 3, 4].map(order)).size > 1);
  });

  it('lets promises run between two timers, and fires what they set', async () => {
    const clock = new SimulatedClock();
    const seen: string[] = [];
    const wait = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
    const walk = async (): Promise<void> => {
      await wait(10);
      seen.push(`ten at ${clock.mono() - 1_000_000}`);
      await wait(10);
      seen.push(`twenty at ${clock.mono() - 1_000_000}`);
    };
    const walked = walk();
    clock.after(15, () => seen.push('fifteen'));
    await clock.advance(20);
    await walked;
    assert.deepEqual(seen, ['ten at 10', 'fifteen', 'twenty at 20']);
  });

  it('steps the wall clock both ways without touching monotonic time or timers (S2)', async () => {
    const clock = new SimulatedClock({ wallStartMs: 1_000_000 });
    const from = clock.mono();
    let fired = 0;
    clock.after(100, () => {
      fired += 1;
    });
    clock.stepWall(-500_000);
    assert.equal(clock.wall(), 500_000);
    clock.stepWall(1_000_000);
    assert.equal(clock.wall(), 1_500_000);
    assert.equal(clock.mono(), from);
    assert.equal(fired, 0);
    await clock.advance(100);
    assert.equal(fired, 1);
  });

  it('does not call a cancelled timer, and says when the next one is due', () => {
    const clock = new SimulatedClock({ monoStartMs: 0 });
    const timer = clock.after(5, () => assert.fail('was cancelled'));
    clock.after(9, () => {});
    assert.equal(clock.nextAt(), 5);
    timer.cancel();
    timer.cancel();
    assert.equal(clock.nextAt(), 9);
    assert.equal(clock.fireNext(8), false);
    assert.equal(clock.fireNext(9), true);
    assert.equal(clock.nextAt(), null);
  });
});

describe('a view of the clock', () => {
  it('holds its timers while frozen and fires them late, in order (S3)', async () => {
    const clock = new SimulatedClock({ monoStartMs: 0 });
    const view = clock.view();
    const fired: string[] = [];
    view.after(10, () => fired.push(`a at ${view.mono()}`));
    view.after(20, () => fired.push(`b at ${view.mono()}`));
    view.after(500, () => fired.push(`c at ${view.mono()}`));
    const cancelled = view.after(15, () => fired.push('cancelled'));
    view.freeze();
    clock.after(20, () => fired.push('other'));
    await clock.advance(100);
    assert.deepEqual(fired, ['other']);
    assert.equal(view.mono(), 100);
    cancelled.cancel();
    view.unfreeze();
    await clock.advance(400);
    assert.deepEqual(fired, ['other', 'a at 100', 'b at 100', 'c at 500']);
  });

  it('never fires again once it is dropped', async () => {
    const clock = new SimulatedClock();
    const view = clock.view();
    view.after(10, () => assert.fail('was dropped'));
    view.freeze();
    await clock.advance(10);
    view.drop();
    view.unfreeze();
    view.after(1, () => assert.fail('was dropped'));
    await clock.advance(1_000);
  });
});

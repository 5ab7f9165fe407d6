/** Scenarios 55, 56 and 59 of the VM pool by number, and the invariants of the pool. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedClock } from '../../testing/simulated-clock.ts';
import { Pool, type Pooled } from './pool.ts';
import { type PoolOptions, poolTermsOf } from './terms.ts';

/** A VM that does nothing. */
class FakeVm implements Pooled {
  alive = true;
  closed = false;
  readonly tenant: string;
  readonly #gone = Promise.withResolvers<void>();

  constructor(tenant: string) {
    this.tenant = tenant;
  }

  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  async close(): Promise<void> {
    this.alive = false;
    this.closed = true;
    this.#gone.resolve();
  }

  die(): void {
    this.alive = false;
    this.#gone.resolve();
  }
}

/** A pool of such VMs, and calls that end when they are told to. */
function scene(options: PoolOptions, failing: { times: number } = { times: 0 }) {
  const clock = new SimulatedClock();
  const made: FakeVm[] = [];
  const pool = new Pool<FakeVm>({
    ...{ name: 'fake', terms: poolTermsOf('fake', options), clock },
    random: { next: () => 0.5, id: () => 'id' },
    make: async (tenant) => {
      if (failing.times > 0) {
        failing.times -= 1;
        throw new Error('no VM today');
      }
      const vm = new FakeVm(tenant);
      made.push(vm);
      return vm;
    },
  });
  const begin = (tenant = 'a', signal: AbortSignal | null = null) => {
    const go = Promise.withResolvers<void>();
    const began = Promise.withResolvers<FakeVm>();
    const done = pool.use(tenant, signal, async (vm) => {
      began.resolve(vm);
      await go.promise;
      return vm;
    });
    done.catch(() => {});
    return { began: began.promise, end: () => go.resolve(), done };
  };
  return { clock, made, pool, begin };
}

/** Lets everything happen that happens by itself. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a pool of VMs', () => {
  it('55: static, two workers: the third call waits, and leaves when it gives up', async () => {
    const { pool, made, begin } = scene({ workers: 2 });
    const first = begin();
    const second = begin();
    const leaving = new AbortController();
    const third = begin('a', leaving.signal);
    await Promise.all([first.began, second.began]);
    assert.deepEqual(pool.figures, {
      ...{ live: 2, busy: 2, waiting: 1, created: 2, discarded: 0, poisoned: 0 },
    });
    leaving.abort(new Error('not needed any more'));
    await assert.rejects(third.done, /not needed any more/);
    assert.equal(pool.figures.waiting, 0);
    first.end();
    second.end();
    assert.equal(await first.done, made[0]);
    assert.equal(pool.figures.busy, 0);
  });

  it('56: lazy: nothing at rest, at most 16 in a burst; a failure wakes a waiter', async () => {
    const failing = { times: 1 };
    const { pool, begin, clock } = scene({ kind: 'lazy' }, failing);
    assert.equal(pool.figures.live, 0);
    const calls = Array.from({ length: 20 }, () => begin());
    await settled();
    assert.deepEqual([pool.figures.live, pool.figures.waiting], [16, 3]);
    const [failed, ...others] = calls;
    await assert.rejects(failed?.done ?? Promise.resolve(), /no VM today/);
    for (const call of others) call.end();
    await Promise.all(others.map(({ done }) => done));
    assert.deepEqual([pool.figures.created, pool.figures.live], [16, 16]);
    await clock.advance(60_000);
    assert.equal(pool.figures.live, 0);
  });

  it('ends idle VMs only when nothing happens at all', async () => {
    const { pool, begin, clock } = scene({ kind: 'lazy', idleMs: 1_000 });
    const long = begin();
    const short = begin();
    await long.began;
    short.end();
    await short.done;
    await clock.advance(10_000);
    assert.equal(pool.figures.live, 2);
    long.end();
    await long.done;
    await clock.advance(2_000);
    assert.equal(pool.figures.live, 0);
  });

  it('serves in the order of asking', async () => {
    const { begin } = scene({ kind: 'inline' });
    const order: number[] = [];
    const calls = [0, 1, 2].map((number) => {
      const call = begin();
      void call.began.then(() => order.push(number));
      return call;
    });
    for (const call of calls) {
      await call.began;
      call.end();
      await call.done;
    }
    assert.deepEqual(order, [0, 1, 2]);
  });

  it('never gives a VM of one tenant to another one', async () => {
    const { pool, made, begin } = scene({ kind: 'lazy', max: 1 });
    for (const tenant of ['a', 'b', 'a', 'a']) {
      const call = begin(tenant);
      assert.equal((await call.began).tenant, tenant);
      call.end();
      await call.done;
    }
    assert.deepEqual(
      made.map(({ tenant, closed }) => [tenant, closed]),
      [
        ['a', true],
        ['b', true],
        ['a', false],
      ],
    );
    assert.deepEqual([pool.figures.discarded, pool.figures.poisoned], [2, 0]);
  });

  it('does not take a VM back that is not clean', async () => {
    const { pool, made, begin } = scene({ kind: 'inline' });
    const dirty = begin();
    (await dirty.began).alive = false;
    dirty.end();
    await dirty.done;
    const next = begin();
    assert.notEqual(await next.began, made[0]);
    assert.equal(made[0]?.closed, true);
    next.end();
    await next.done;
    const { created, discarded, poisoned } = pool.figures;
    assert.deepEqual([created, discarded, poisoned], [2, 1, 1]);
  });

  it('replaces a VM that died while it was idle', async () => {
    const { pool, made } = scene({ workers: 1 });
    await pool.prepare('a');
    made[0]?.die();
    await settled();
    const { live, created, poisoned } = pool.figures;
    assert.deepEqual([live, created, poisoned], [1, 2, 1]);
  });

  it('refuses past its queue, and after the wait, with `sandbox.full`', async () => {
    const { begin, clock } = scene({ kind: 'inline', queueMax: 1, waitMs: 500 });
    const busy = begin();
    const waiting = begin();
    await assert.rejects(begin().done, { code: 'sandbox.full' });
    const late = assert.rejects(waiting.done, { code: 'sandbox.full' });
    await clock.advance(500);
    await late;
    busy.end();
    await busy.done;
  });

  it('closes behind the last call that was admitted', async () => {
    const { pool, made, begin } = scene({ kind: 'inline' });
    const running = begin();
    const waiting = begin();
    await running.began;
    const closing = pool.close();
    await assert.rejects(begin().done, { code: 'sandbox.closed' });
    running.end();
    await waiting.began;
    waiting.end();
    await closing;
    assert.ok(made.every(({ closed }) => closed));
    assert.equal(pool.figures.live, 0);
  });

  it('has closed when those are gone that were being made or ended', async () => {
    const { pool, made } = scene({ workers: 2 });
    const preparing = pool.prepare('a');
    await pool.close();
    await preparing;
    assert.deepEqual([made.length, made.every(({ closed }) => closed)], [2, true]);

    const other = scene({ kind: 'inline' });
    const leaving = Promise.withResolvers<void>();
    const dirty = other.begin();
    const vm = await dirty.began;
    vm.alive = false;
    vm.close = () => leaving.promise;
    dirty.end();
    await dirty.done;
    let closed = false;
    const closing = other.pool.close().then(() => {
      closed = true;
    });
    await settled();
    assert.equal(closed, false);
    leaving.resolve();
    await closing;
  });

  it('has the numbers of its kind when nothing is said', () => {
    const { kind, max, queueMax } = poolTermsOf('x', { kind: 'static' });
    assert.deepEqual([kind, max, queueMax], ['static', 4, 1_024]);
    const lazy = poolTermsOf('x');
    assert.deepEqual([lazy.max, lazy.queueMax, lazy.idleMs], [16, 1_024, 30_000]);
    const own = poolTermsOf('x', { kind: 'static' }, { workers: 8, waitingEach: 64 });
    assert.deepEqual([own.max, own.queueMax], [8, 512]);
    const adaptive = poolTermsOf('x', { kind: 'adaptive' });
    assert.deepEqual([adaptive.min, adaptive.max, adaptive.queueMax], [1, 16, 1_024]);
  });

  it('adaptive: grows under load, and comes down again', async () => {
    const { pool, begin, clock } = scene({ kind: 'adaptive', max: 8 });
    await pool.prepare('a');
    const calls = Array.from({ length: 12 }, () => begin());
    await settled();
    assert.equal(pool.figures.busy, 1);
    await clock.advance(500);
    await settled();
    assert.equal(pool.figures.busy, 3);
    for (const call of calls) call.end();
    await Promise.all(calls.map(({ done }) => done));
    await clock.advance(30_000);
    assert.equal(pool.figures.live, 1);
  });

  it('refuses options that do not belong to its kind', () => {
    assert.throws(() => poolTermsOf('x', { kind: 'lazy', workers: 2 }), /no option "workers"/);
    assert.throws(() => poolTermsOf('x', { workers: 257 }), { code: 'request.invalid' });
    assert.throws(() => poolTermsOf('x', { kind: 'lazy', max: 0 }), { code: 'request.invalid' });
    assert.equal(poolTermsOf('x', { workers: 3 }).kind, 'static');
    assert.equal(poolTermsOf('x').kind, 'lazy');
  });
});

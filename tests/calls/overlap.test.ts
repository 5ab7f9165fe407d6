/** Nothing overlaps, and nothing comes too often: what stands around code, and takes its place. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { defineFunction, type Holdfast, type HoldfastError } from 'holdfast';
import { z } from 'zod';
import { limits } from '../../src/core/limits.ts';
import { CallRate } from '../../src/engine/calls/call-rate.ts';
import { silentLog } from '../../src/ports/log.ts';
import { SimulatedClock } from '../../src/testing/index.ts';
import { settle } from '../../src/testing/simulated-clock.ts';
import { held, type Watched, watchedFunctions } from './functions.ts';
import { openOn } from './scene.ts';

let clock: SimulatedClock;
let watched: Watched;
let hf: Holdfast;

beforeEach(async () => {
  clock = new SimulatedClock();
  watched = watchedFunctions();
  hf = await openOn(clock, { functions: watched.functions }, silentLog);
});
afterEach(async () => {
  for (const id of watched.begun) watched.meet(id).resolve();
  await settle();
  await hf.close();
});

/** An interceptor that waits no longer for the code than for `signal`. */
function impatient(): () => void {
  const enough = Promise.withResolvers<string>();
  hf.calls.intercept({
    name: 'impatient',
    around: (_, next) => Promise.race([next(), enough.promise]),
  });
  return () => enough.resolve('enough');
}

const left = (): readonly number[] => {
  const { running, stuck, lanes, deadlines, late } = hf.calls.stats();
  return [running, stuck, lanes, deadlines, late];
};

describe('an interceptor that ends before the code', { timeout: 20_000 }, () => {
  it('answers for it, and the lane is free when the code has settled', async () => {
    const stop = impatient();
    const first = hf.call('hold', null, { id: 'a' });
    const second = hf.call('hold', null, { id: 'b' });
    stop();
    assert.equal(await first, 'enough');
    assert.deepEqual(watched.begun, ['a']);
    watched.meet('a').resolve();
    assert.equal(await second, 'enough');
    assert.deepEqual(watched.begun, ['a', 'b']);
    watched.meet('b').resolve();
    await settle();
    assert.deepEqual(left(), [0, 0, 0, 0, 0]);
  });

  it('fails for it in the same way, and code that goes on for long is reported', async () => {
    const stop = Promise.withResolvers<never>();
    const around = (_: unknown, next: () => unknown) => Promise.race([next(), stop.promise]);
    hf.calls.intercept({ name: 'strict', around });
    const call = hf.call('hold', null, { id: 'a', timeoutMs: 1_000 });
    stop.reject(new Error('no longer'));
    await assert.rejects(call, /^Error: no longer$/);
    assert.equal(hf.calls.stats().stuck, 0, 'it has its time still');
    await clock.advance(1_020);
    assert.equal(hf.calls.stats().stuck, 1);
    watched.meet('a').resolve();
    await settle();
    assert.deepEqual(left(), [0, 0, 0, 0, 0]);
  });

  it('leaves the code its time, and then tells it to stop', async () => {
    const stop = impatient();
    const call = hf.call('obey', null, { id: 'a', timeoutMs: 1_000 });
    stop();
    assert.equal(await call, 'enough');
    await clock.advance(900);
    assert.equal(hf.calls.list().length, 1);
    await clock.advance(120);
    assert.deepEqual(hf.calls.list(), []);
    assert.deepEqual(left(), [0, 0, 0, 0, 0]);
  });

  it('and throws because the call is to stop: it is cancelled when the code obeys', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const stopped = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('told to stop')));
    });
    const around = (_: unknown, next: () => unknown) => Promise.race([next(), stopped]);
    hf.calls.intercept({ name: 'strict', around });
    const first = hf.call('hold', null, { id: 'a', signal });
    const second = hf.call('hold', null, { id: 'b' });
    second.catch(() => {});
    controller.abort();
    await settle();
    assert.equal(hf.calls.stats().running, 1, 'its code has its grace');
    watched.meet('a').resolve();
    await assert.rejects(first, { code: 'call.cancelled' });
    await settle();
    assert.deepEqual(watched.begun, ['a', 'b']);
  });

  it('does not take the place of an answer that was promised for later', async () => {
    hf.calls.intercept({
      name: 'hasty',
      around: (_, next) => {
        void next();
        return 'too early';
      },
    });
    const both = defineFunction({
      name: 'both',
      run: async (_: null, ctx) => {
        watched.laters.set('b', ctx.later());
        await watched.meet('b').promise;
      },
    });
    hf.calls.serve(both);
    const call = hf.call(both, null);
    await settle();
    watched.meet('b').resolve();
    await settle();
    assert.equal(hf.calls.stats().awaiting, 1);
    watched.laters.get('b')?.succeed('at last');
    assert.equal(await call, 'at last');
    assert.deepEqual(left(), [0, 0, 0, 0, 0]);
  });

  it('cannot begin the code when the call is over', async () => {
    let begin = (): unknown => null;
    hf.calls.intercept({
      name: 'keeps it',
      around: (_, next) => {
        begin = next;
        return 'instead';
      },
    });
    assert.equal(await hf.call('hold', null, { id: 'a' }), 'instead');
    assert.throws(begin, { code: 'request.invalid' });
    assert.deepEqual(watched.begun, []);
  });

  it('asks a thenable once: some begin their work when they are', async () => {
    let asked = 0;
    const lazy = {
      // biome-ignore lint/suspicious/noThenProperty: it is what a lazy query looks like
      then(resolve: (value: string) => void) {
        asked += 1;
        resolve('rows');
      },
    };
    hf.calls.serve(defineFunction({ name: 'lazy', run: (): unknown => lazy }));
    hf.calls.intercept({ name: 'through', around: (_, next) => next() });
    assert.equal(await hf.call('lazy', null), 'rows');
    assert.equal(asked, 1);
  });
});

describe('a rate', () => {
  const often = (max: number) =>
    defineFunction({
      ...{ name: 'often', call: { rateLimit: { max, perMs: 1_000 } } },
      run: (n: number) => n,
    });
  const ask = (tenant: string, more: object = {}) =>
    hf.call('often', 1, { tenant, ...more }).catch((error: HoldfastError) => {
      const { retryAfterMs } = error.details;
      return retryAfterMs === undefined ? error.code : `${error.code} ${retryAfterMs}`;
    });

  it('is that of each tenant: so many at once, and then as they become free', async () => {
    hf.calls.serve(often(2));
    const asked = [await ask('a'), await ask('a'), await ask('a', { id: 'x' }), await ask('b')];
    assert.deepEqual(asked, [1, 1, 'rate.limited 500', 1]);
    await clock.advance(500);
    assert.deepEqual([await ask('a', { id: 'x' }), await ask('a')], [1, 'rate.limited 500']);
    assert.equal(hf.calls.stats().full, 2);
  });

  it('is not used up by what is refused, and goes on when the function is replaced', async () => {
    await hf.close();
    const calls = { tenants: { small: { runningMax: 1, waitingMax: 0 } } };
    hf = await openOn(clock, { functions: watched.functions, calls }, silentLog);
    hf.calls.serve(often(2));
    const busy = hf.call('free', null, { id: 'f', tenant: 'small' });
    for (let n = 0; n < 5; n += 1) assert.equal(await ask('small'), 'tenant.full');
    watched.meet('f').resolve();
    await busy;
    assert.deepEqual([await ask('small'), await ask('small')], [1, 1]);
    hf.calls.serve(often(2));
    assert.equal(await ask('small'), 'rate.limited 500');
    hf.calls.serve(often(4));
    assert.deepEqual([await ask('small'), await ask('small')], [1, 1]);
    assert.match(String(await ask('small')), /^rate\.limited/);
  });

  it('that is none is refused when the function is defined', () => {
    for (const rateLimit of [{ max: 0, perMs: 1 }, { max: 1 }, { max: 1, perMs: 1, per: 2 }]) {
      assert.throws(
        () => defineFunction({ name: 'x', call: { rateLimit: rateLimit as never }, run: () => 1 }),
        { code: 'request.invalid' },
      );
    }
  });

  it('is remembered of a bounded number of tenants', () => {
    const rate = new CallRate({ max: 1, perMs: 1_000 });
    for (let n = 0; n <= limits.callRateTenantsMax; n += 1) {
      const taken = rate.ask(`t${n}`, 0);
      assert.ok(taken.ok);
      rate.use(`t${n}`, taken.state);
    }
    assert.deepEqual([rate.ask('t0', 0).ok, rate.ask('t1', 0).ok], [true, false]);
  });
});

describe('a call that is refused behind a check of its input that took its time', () => {
  it('leaves nothing in any line', { timeout: 20_000 }, async () => {
    await hf.close();
    const tenants = { small: { runningMax: 1, waitingMax: 0 } };
    hf = await openOn(clock, { functions: watched.functions, calls: { tenants } }, silentLog);
    const checked = defineFunction({
      name: 'checked',
      input: z.string().refine(async () => true),
      lane: (text) => text,
      run: async (text) => watched.meet(text).promise,
    });
    hf.calls.serve(checked);
    const ask = (text: string) => hf.call(checked, text, { tenant: 'small' });
    for (const text of ['a', 'b', 'c']) {
      const first = ask(text);
      await settle();
      for (const other of ['x', 'y']) await assert.rejects(ask(other), { code: 'tenant.full' });
      const { lanes, queued, running } = hf.calls.stats();
      assert.deepEqual([lanes, queued, running], [1, 0, 1]);
      watched.meet(text).resolve();
      await first;
    }
    assert.deepEqual(left(), [0, 0, 0, 0, 0]);
    assert.equal(hf.calls.stats().tenants, 0);
  });
});

describe('a function that takes the place of another one', () => {
  it('shares its concurrency with the calls that are under way', async () => {
    const serve = (concurrency: number) => hf.calls.serve(held(watched, 'one', { concurrency }));
    const ask = (id: string) => void hf.call('one', null, { id }).catch(() => {});
    serve(1);
    for (const id of ['a', 'b']) ask(id);
    serve(1);
    ask('c');
    assert.deepEqual(watched.begun, ['a']);
    watched.meet('a').resolve();
    await settle();
    assert.deepEqual(watched.begun, ['a', 'b']);
    serve(3);
    for (const id of ['d', 'e']) ask(id);
    watched.meet('b').resolve();
    await settle();
    assert.deepEqual(watched.begun, ['a', 'b', 'c', 'd', 'e']);
  });
});

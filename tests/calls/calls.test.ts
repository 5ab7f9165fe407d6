/** `hf.call`: what whoever calls gets, and what stands around a call. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { defineFunction, type Holdfast, type OpenOptions } from 'holdfast';
import { z } from 'zod';
import { silentLog } from '../../src/ports/log.ts';
import { SimulatedClock } from '../../src/testing/index.ts';
import { settle } from '../../src/testing/simulated-clock.ts';
import { held, type Watched, watchedFunctions } from './functions.ts';
import { openOn } from './scene.ts';

const double = defineFunction({ name: 'double', input: z.int(), run: (n) => n * 2 });
const slowSchema = defineFunction({
  name: 'slow-schema',
  input: z.string().refine(async (text) => text !== 'bad', 'it must not be bad'),
  lane: (text) => text,
  run: (text) => text.length,
});
const steps = defineFunction({ name: 'steps', run: (_: null, ctx) => ctx.step('a', () => 1) });

let clock: SimulatedClock;
let watched: Watched;
let hf: Holdfast;

async function reopen(calls: NonNullable<OpenOptions['calls']> = {}): Promise<void> {
  clock = new SimulatedClock();
  watched = watchedFunctions();
  const functions = [...watched.functions, double, slowSchema, steps];
  hf = await openOn(clock, { functions, calls }, silentLog);
}

beforeEach(() => reopen());
afterEach(async () => {
  for (const id of watched.begun) watched.meet(id).resolve();
  await settle();
  await hf.close();
});

describe('a call', { timeout: 30_000 }, () => {
  it('gives what the handler gives, typed by its definition', async () => {
    const four: number = await hf.call(double, 2);
    assert.equal(four, 4);
    assert.equal(await hf.call('double', 3), 6);
  });

  it('hands values over as they are', async () => {
    const value = { at: new Date(0) };
    assert.equal(await hf.call('echo', value), value);
  });

  it('rejects with what the handler threw', async () => {
    await assert.rejects(hf.call('fail', null), /^Error: no such thing$/);
  });

  it('is checked by the schema, at once or later', async () => {
    await assert.rejects(hf.call(double, 'two' as never), { code: 'input.invalid' });
    assert.equal(await hf.call(slowSchema, 'good'), 4);
    await assert.rejects(hf.call(slowSchema, 'bad', { id: 'x' }), { code: 'input.invalid' });
    assert.equal(await hf.call(slowSchema, 'again', { id: 'x' }), 5);
    const { queued, deadlines, lanes } = hf.calls.stats();
    assert.deepEqual([queued, deadlines, lanes], [0, 0, 0]);
  });

  it('is refused for an unknown name, option, id and deadline', async () => {
    await assert.rejects(hf.call('nobody', null), { code: 'function.unknown' });
    await assert.rejects(hf.call('echo', 1, { timeout: 5 } as object), { code: 'request.invalid' });
    await assert.rejects(hf.call('echo', 1, { id: '' }), { code: 'key.invalid' });
    await assert.rejects(hf.call('echo', 1, { timeoutMs: 0 }), { code: 'request.invalid' });
    await assert.rejects(hf.call('echo', 1, { lane: '' }), { code: 'key.invalid' });
    assert.equal(hf.calls.stats().admitted, 0);
  });

  it('is known as a duplicate before anything else is asked', async () => {
    const first = hf.call('free', null, { id: 'a' });
    const again = (fn: string) =>
      assert.rejects(hf.call(fn, null, { id: 'a' }), { code: 'call.duplicate' });
    await again('nobody');
    const drained = hf.calls.drain(1_000);
    await again('free');
    await assert.rejects(hf.call('nobody', null), { code: 'node.draining' });
    watched.meet('a').resolve();
    assert.equal(await first, 'held a');
    await again('echo');
    await drained;
    assert.deepEqual([hf.calls.stats().duplicates, hf.calls.stats().refused], [3, 0]);
  });

  it('refuses durable code, and leaves the run to others', async () => {
    await assert.rejects(hf.call(steps, null), { code: 'call.not_durable' });
    const emits = defineFunction({ name: 'emits', run: (_: null, ctx) => ctx.emit('part') });
    hf.calls.serve(emits);
    await assert.rejects(hf.call(emits, null), { code: 'call.not_durable' });
  });

  it('is cancelled by a signal; what it answers in its grace counts', async () => {
    const controller = new AbortController();
    const obeyed = hf.call('obey', null, { signal: controller.signal, id: 'a' });
    const ignored = hf.call('hold', null, { signal: controller.signal, id: 'b' });
    controller.abort(new Error('enough'));
    assert.equal(await obeyed, 'stopped in good order');
    const refused = assert.rejects(ignored, { code: 'call.cancelled' });
    await clock.advance(80);
    await refused;
    await assert.rejects(hf.call('echo', 1, { signal: controller.signal }), /^Error: enough$/);
  });

  it('has a deadline', async () => {
    const late = assert.rejects(hf.call('hold', null, { timeoutMs: 100 }), {
      code: 'call.timed_out',
    });
    await clock.advance(120);
    await late;
  });

  it('has no more time because it is cancelled: its grace ends with its deadline', async () => {
    hf.calls.serve(held(watched, 'slow', { timeouts: { graceMs: 60_000 } }));
    const controller = new AbortController();
    const words = { id: 'a', timeoutMs: 1_000, signal: controller.signal };
    const cancelled = assert.rejects(hf.call('slow', null, words), { code: 'call.cancelled' });
    controller.abort();
    await clock.advance(1_020);
    await cancelled;
    assert.deepEqual([hf.calls.stats().cancelled, hf.calls.stats().stuck], [1, 1]);
  });

  it('tells its progress', async () => {
    const told: unknown[] = [];
    const reports = defineFunction({ name: 'reports', run: (_: null, ctx) => ctx.progress(0.5) });
    hf.calls.serve(reports);
    await hf.call(reports, null, { onProgress: (value) => void told.push(value) });
    assert.deepEqual(told, [0.5]);
  });

  it('takes the names of runs for its own lanes and ids only', async () => {
    const run = await hf.start(double, 1, { id: 'same' });
    assert.equal(await hf.call(double, 1, { id: 'same' }), 2);
    await settle(5);
    assert.equal(run.id, 'same');
  });

  it('goes on though whoever hears of its progress throws', async () => {
    const reports = defineFunction({
      name: 'reports',
      run: (_: null, ctx) => {
        ctx.progress(1);
        return 'done';
      },
    });
    hf.calls.serve(reports);
    const onProgress = (): never => {
      throw new Error('nobody listens');
    };
    assert.equal(await hf.call(reports, null, { onProgress }), 'done');
  });

  it('is cancelled by its own code, too, while that begins', async () => {
    const controller = new AbortController();
    const ends = defineFunction({
      name: 'ends',
      run: async (_: null, ctx) => {
        controller.abort();
        await Promise.resolve();
        ctx.signal.throwIfAborted();
      },
    });
    hf.calls.serve(ends);
    const { signal } = controller;
    await assert.rejects(hf.call(ends, null, { signal }), { code: 'call.cancelled' });
  });

  it('is not answered later by a run', async () => {
    const run = await hf.start('later', null);
    for (let n = 0; n < 20; n += 1) await clock.advance(3_000);
    const view = await run.get();
    assert.equal(view?.outcome?.error?.code, 'call.only');
  });
});

describe('a drain', () => {
  it('lets nobody in, and answers everybody within its bound', async () => {
    const held = hf.call('hold', null, { id: 'a' });
    const waits = hf.call('hold', null, { id: 'b' });
    const promised = hf.call('later', null, { id: 'c' });
    const ends = [held, waits, promised].map((one) =>
      assert.rejects(one, { code: 'call.cancelled' }),
    );
    const drained = hf.drain({ graceMs: 100 });
    await assert.rejects(hf.call('echo', 1), { code: 'node.draining' });
    await clock.advance(100);
    await Promise.all(ends);
    await drained;
    assert.deepEqual(watched.begun, ['a', 'c']);
  });
});

describe('interceptors', () => {
  it('stand around the call in their order, and one can go while calls are under way', async () => {
    const order: string[] = [];
    const around = (name: string) => ({
      name,
      around: async (_: unknown, next: () => unknown) => {
        order.push(`${name} in`);
        const result = await next();
        order.push(`${name} out`);
        return result;
      },
    });
    const remove = hf.calls.intercept({ ...around('inner'), order: 20 });
    hf.calls.intercept({ ...around('outer'), order: 10 });
    assert.throws(() => hf.calls.intercept(around('outer')), { code: 'request.invalid' });
    const first = hf.call('free', null, { id: 'a' });
    remove();
    watched.meet('a').resolve();
    assert.equal(await first, 'held a');
    await hf.call('echo', 1);
    assert.deepEqual(order, [
      ...['outer in', 'inner in', 'inner out', 'outer out', 'outer in', 'outer out'],
    ]);
  });

  it('may answer instead, fail, and not go on twice', async () => {
    const remove = hf.calls.intercept({ name: 'instead', around: () => 'instead' });
    assert.equal(await hf.call('echo', 1), 'instead');
    remove();
    hf.calls.intercept({
      name: 'twice',
      around: async (_, next) => {
        await next();
        return next();
      },
    });
    await assert.rejects(hf.call('echo', 1), { code: 'request.invalid' });
  });
});

describe('resolvers', { timeout: 30_000 }, () => {
  it('add what they find out, and refuse the call when they fail', async () => {
    await hf.close();
    let broken = false;
    await reopen({
      resolvers: [
        { name: 'tenant', resolve: ({ fn }) => ({ asked: fn }) },
        {
          name: 'who',
          resolve: () => {
            if (broken) throw new Error('no directory');
            return { user: 'ada' };
          },
        },
      ],
    });
    const who = defineFunction({ name: 'who', run: (_: null, ctx) => ctx.call?.values });
    hf.calls.serve(who);
    assert.deepEqual(await hf.call(who, null), { asked: 'who', user: 'ada' });
    broken = true;
    // The function answers at once: one that waits for the test would hang where it should not be.
    let executed = false;
    const told = defineFunction({
      name: 'told',
      run: () => {
        executed = true;
      },
    });
    hf.calls.serve(told);
    await assert.rejects(hf.call(told, null), { code: 'call.refused' });
    assert.equal(executed, false);
  });

  it('give objects that can be read, at once, and nothing else', async () => {
    const unreadable = {
      get user() {
        throw new Error('not for you');
      },
    };
    for (const found of [null, 'ada', ['ada'], Promise.resolve({}), unreadable]) {
      await hf.close();
      await reopen({ resolvers: [{ name: 'who', resolve: () => found as never }] });
      await assert.rejects(hf.call('echo', 1), { code: 'call.refused' }, String(found));
    }
    assert.equal(hf.calls.stats().admitted, 0);
  });

  it('that call themselves, or end the runtime, let nobody in twice or too late', async () => {
    await hf.close();
    let act = (): void => {};
    await reopen({
      resolvers: [
        {
          name: 'meddles',
          resolve() {
            const now = act;
            act = () => {};
            now();
            return {};
          },
        },
      ],
    });
    let first: Promise<unknown> = Promise.resolve();
    act = () => {
      first = hf.call('free', null, { id: 'x' });
    };
    await assert.rejects(hf.call('echo', 1, { id: 'x' }), { code: 'call.duplicate' });
    watched.meet('x').resolve();
    assert.equal(await first, 'held x');
    act = () => void hf.calls.drain(0);
    await assert.rejects(hf.call('echo', 1), { code: 'node.draining' });
  });

  it('that are none are found when the runtime opens', async () => {
    const log = silentLog;
    for (const resolvers of [null, [null], [{ name: 'x' }]] as unknown[]) {
      const calls = { resolvers } as never;
      await assert.rejects(openOn(clock, { functions: [double], calls }, log), {
        code: 'request.invalid',
      });
    }
  });
});

describe('functions', () => {
  it('are replaced and withdrawn under load without a failed call', async () => {
    const make = (n: number) =>
      defineFunction({ name: 'swap', lane: 'swap', run: async () => Promise.resolve(n) });
    hf.calls.serve(make(0));
    const answers: Promise<unknown>[] = [];
    for (let n = 0; n < 1_000; n += 1) {
      if (n % 10 === 0) hf.calls.serve(make(n / 10));
      answers.push(hf.call('swap', null));
    }
    assert.equal(hf.calls.withdraw('swap'), true);
    await assert.rejects(hf.call('swap', null), { code: 'function.unknown' });
    assert.deepEqual(
      await Promise.all(answers),
      Array.from({ length: 1_000 }, (_, n) => Math.floor(n / 10)),
    );
  });
});

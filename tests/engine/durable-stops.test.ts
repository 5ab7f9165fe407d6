/** Durable code that is stopped, crashes, drains, or meets a store that fails. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { defineFunction } from '../../src/define-function.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import type { StoreFault } from '../../src/testing/index.ts';
import { type Actor, Scene } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const longMs = 60_000;

const durable = (
  run: (input: unknown, ctx: RunContext) => unknown,
  options: Partial<Parameters<typeof defineFunction>[0]> = {},
) =>
  defineFunction({
    name: 'durable',
    retry: { attemptsMax: 3, backoff: 'fixed', delayMs: 100, jitter: 0 },
    ...options,
    run,
  });

const stepsOf = async ({ hf }: Actor, id: string) =>
  (await hf.runs.steps(id)).steps.map(({ key, state, attempt }) => [key, state, attempt]);

/** A step that ends when the test says so, or with the reason of its signal. */
function gated() {
  const gates: PromiseWithResolvers<unknown>[] = [];
  const run = ({ signal }: { readonly signal: AbortSignal }): Promise<unknown> => {
    const gate = Promise.withResolvers<unknown>();
    gates.push(gate);
    signal.addEventListener('abort', () => gate.reject(signal.reason));
    return gate.promise;
  };
  return { gates, run };
}

describe('a cancelled run', () => {
  it('cleans up by steps that are kept; its waits are over', async () => {
    const said: unknown[] = [];
    const fn = durable(async (_input, ctx) => {
      const { run } = gated();
      const long = ctx.step('long', run);
      const wait = ctx.waitFor('never').catch((error) => said.push(error.code));
      try {
        await long;
      } catch {
        await wait;
        await ctx.step('refund', ({ signal }) => said.push(signal.aborted));
        await ctx.sleep(longMs).catch((error) => said.push(error.code));
        throw ctx.signal.reason;
      }
    });
    const actor = await scene.open({ functions: [fn] });
    const run = await actor.hf.start(fn, null);
    await scene.pass(200);
    await run.cancel('enough');
    await scene.pass(200);
    assert.equal((await run.outcome()).kind, 'cancelled');
    assert.deepEqual(said, ['run.cancelled', false, 'run.cancelled']);
    assert.deepEqual(await stepsOf(actor, run.id), [
      ['step/long', 'threw', 1],
      ['event/never', 'waiting', 1],
      ['step/refund', 'returned', 1],
    ]);
  });

  it('cleans up to its end although others end what it waited for', async () => {
    const done: string[] = [];
    const gate = Promise.withResolvers<void>();
    const fn = durable(async (_input, ctx) => {
      const { run } = gated();
      const wait = ctx.waitFor('late').catch(() => done.push('refused'));
      await ctx.step('long', run).catch(() => wait);
      await ctx.step('undo', () => gate.promise.then(() => done.push('undo')));
      await ctx.step('tell', () => done.push('tell'));
      throw ctx.signal.reason;
    });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(200);
    await run.cancel('enough');
    await scene.pass(50);
    await hf.emit('late', null);
    gate.resolve();
    await scene.pass(500);
    assert.equal((await run.outcome()).kind, 'cancelled');
    assert.deepEqual(done, ['refused', 'undo', 'tell']);
  });
});

describe('an attempt that has to leave', () => {
  it('by a drain keeps what ends within the grace, and gives the code nothing more', async () => {
    const said: string[] = [];
    const gate = Promise.withResolvers<string>();
    const fn = durable(async (_input, ctx) => {
      const slow = ctx.step('slow', () => gate.promise);
      const other = ctx.step('other', gated().run).finally(() => said.push('other'));
      await slow;
      said.push('slow');
      await other;
    });
    const actor = await scene.open({ functions: [fn] });
    const run = await actor.hf.start(fn, null);
    await scene.pass(100);
    const drained = actor.hf.drain({ graceMs: 0 });
    await scene.pass(100);
    gate.resolve('done');
    await scene.pass(100);
    await drained;
    assert.deepEqual(said, []);
    assert.equal((await run.get())?.status, 'queued');
    assert.deepEqual(await stepsOf(actor, run.id), [
      ['step/slow', 'returned', 1],
      ['step/other', 'running', 1],
    ]);
    assert.equal(actor.hf.stats().running, 0);
  });

  it('by its timeout is tried again, and does not begin anything new', async () => {
    const done: string[] = [];
    const fn = durable(
      async (_input, ctx) => {
        await ctx.step('a', () => done.push('a'));
        if (ctx.attempt === 1) {
          await ctx.step('slow', gated().run).catch(() => ctx.step('b', () => done.push('b')));
        } else await ctx.step('slow', () => done.push('slow'));
        return 'done';
      },
      { timeouts: { attemptMs: 500, graceMs: 200 } },
    );
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(2_000);
    assert.equal(await run.result(), 'done');
    assert.deepEqual(done, ['a', 'slow']);
    const ends = (await run.get())?.attempts.map(({ end }) => end);
    assert.deepEqual(ends, ['timed-out', 'succeeded']);
  });

  it('by a delay of a step that is too long for a slot', async () => {
    let tries = 0;
    const fn = durable((_input, ctx) =>
      ctx.step(
        'later',
        () => {
          tries += 1;
          if (tries === 1) throw new Error('not now');
          return tries;
        },
        { retry: { delayMs: 100_000, delayMsMax: 100_000 } },
      ),
    );
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(1_000);
    assert.equal(hf.stats().running, 0);
    await scene.pass(100_000);
    assert.equal(await run.result(), 2);
  });
});

describe('a crash', () => {
  it('shows the step that was under way, and the next owner does it again', async () => {
    const begun: string[] = [];
    const fn = durable(async (_input, ctx) => {
      await ctx.step('a', () => begun.push(`a ${ctx.attempt}`));
      await ctx.step('b', () => {
        begun.push(`b ${ctx.attempt}`);
        return ctx.attempt === 1 ? new Promise(() => {}) : null;
      });
    });
    const victim = await scene.open({ functions: [fn] });
    const run = await victim.hf.start(fn, null);
    await scene.pass(200);
    scene.kill(victim);
    const heir = await scene.open({ functions: [] });
    assert.deepEqual(await stepsOf(heir, run.id), [
      ['step/a', 'returned', 1],
      ['step/b', 'running', 1],
    ]);
    await scene.open({ functions: [fn] });
    await scene.pass(10_000);
    assert.equal((await heir.hf.runs.get(run.id))?.outcome?.kind, 'succeeded');
    assert.deepEqual(begun, ['a 1', 'b 1', 'b 2']);
    assert.deepEqual(await stepsOf(heir, run.id), [
      ['step/a', 'returned', 1],
      ['step/b', 'returned', 2],
    ]);
  });

  it('of whoever lost its lease lets nothing of it be kept or go on', async () => {
    const gate = Promise.withResolvers<string>();
    const went: string[] = [];
    const fn = durable(async (_input, ctx) => {
      const { attempt } = ctx;
      await ctx.step('a', () => (attempt === 1 ? gate.promise : 'second'));
      went.push(`on in ${attempt}`);
      return attempt;
    });
    const slow = await scene.open({ functions: [fn], name: 'slow' });
    const run = await slow.hf.start(fn, null);
    await scene.pass(200);
    scene.freeze(slow);
    await scene.open({ functions: [fn], name: 'heir' });
    await scene.pass(120_000);
    scene.unfreeze(slow);
    gate.resolve('first');
    await scene.pass(10_000);
    assert.deepEqual(went, ['on in 2']);
    assert.equal((await run.get())?.result, 2);
    assert.equal(slow.hf.stats().running, 0);
  });
});

describe('a store that fails', () => {
  /** The nth call of `record` fails like this. */
  const failing = (nth: number, fail: StoreFault['fail']) => {
    let calls = 0;
    return ({ verb }: { readonly verb: string }): StoreFault | null => {
      if (verb !== 'record') return null;
      calls += 1;
      return calls === nth && fail !== undefined ? { fail } : null;
    };
  };

  for (const fail of ['before', 'after'] as const) {
    it(`${fail} a step is kept costs time, and does not do it again`, async () => {
      const done: number[] = [];
      const fn = durable(async (_input, ctx) => {
        for (let n = 0; n < 3; n += 1) await ctx.step('n', () => done.push(n));
        await ctx.sleep(1_000);
        return ctx.step('last', () => done.length);
      });
      const { hf } = await scene.open({ functions: [fn], fault: failing(2, fail) });
      const run = await hf.start(fn, null);
      await scene.pass(5_000);
      assert.equal(await run.result(), 3);
      assert.deepEqual(done, [0, 1, 2]);
      assert.ok(hf.stats().storeFaults >= 1);
    });
  }

  it('while what is kept is read costs time', async () => {
    let faults = 3;
    const fn = durable(async (_input, ctx) => {
      await ctx.step('a', () => 1);
      if (ctx.attempt === 1) throw new Error('again');
      return 'done';
    });
    const { hf } = await scene.open({
      functions: [fn],
      fault: ({ verb }) => {
        if (verb !== 'steps' || faults === 0) return null;
        faults -= 1;
        return { fail: 'before' };
      },
    });
    const run = await hf.start(fn, null);
    await scene.pass(5_000);
    assert.equal(await run.result(), 'done');
    assert.equal(faults, 0);
  });
});

describe('ends by others', () => {
  it('come in the order in which they were kept, also when they are heard of late', async () => {
    const orders: string[][] = [];
    const gate = Promise.withResolvers<void>();
    const fn = durable(async (_input, ctx) => {
      const order: string[] = [];
      orders.push(order);
      await Promise.all([
        ctx.waitFor('early').then(() => order.push('event')),
        ctx.step('late', () => gate.promise).then(() => order.push('step')),
      ]);
      await ctx.sleep(longMs);
      return order;
    });
    const actor = await scene.open({ functions: [fn], deaf: true });
    const run = await actor.hf.start(fn, null);
    await scene.pass(100);
    await actor.hf.emit('early', null);
    gate.resolve();
    await scene.pass(longMs + 5_000);
    assert.deepEqual(await run.result(), ['event', 'step']);
    assert.deepEqual(orders, [
      ['event', 'step'],
      ['event', 'step'],
    ]);
  });

  it('between the last look and the parking let the run go on at once', async () => {
    const fn = durable(async (_input, ctx) => {
      await ctx.waitFor('now');
      return ctx.attempt;
    });
    const { hf } = await scene.open({
      functions: [fn],
      fault: ({ verb }) => (verb === 'end' ? { delayMs: 500 } : null),
    });
    const run = await hf.start(fn, null);
    await scene.pass(100);
    await hf.emit('now', null);
    await scene.pass(3_000);
    assert.equal(await run.result(), 2);
  });
});

/** Children: started once, waited for without a slot, closed with their parent. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { ChildError } from '../../src/core/durable/child-error.ts';
import type { StepError } from '../../src/core/durable/step-error.ts';
import { limits } from '../../src/core/limits.ts';
import { defineFunction } from '../../src/define-function.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import type { FlowTerms } from '../../src/flow-terms.ts';
import type { StartItem } from '../../src/ports/store-runs.ts';
import type { StoreCall, StoreFault } from '../../src/testing/index.ts';
import { type Actor, Scene } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const retry = { attemptsMax: 3, backoff: 'fixed', delayMs: 100, jitter: 0 } as const;

/** A function whose runs start others. */
const parentOf = (run: (input: unknown, ctx: RunContext) => unknown) =>
  defineFunction({ name: 'parent', retry, timeouts: { graceMs: 500 }, run });

const double = defineFunction({
  name: 'double',
  retry: false,
  run: async (n: number) => {
    if (n < 0) throw Object.assign(new Error(`no ${n}`), { code: 'n.negative' });
    return n * 2;
  },
});

/** Goes on until it is told to stop. */
const endless = defineFunction({
  name: 'endless',
  retry: false,
  timeouts: { graceMs: 60_000 },
  run: async (_input: null, { signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
});

const childrenOf = async ({ hf }: Actor, id: string) => (await hf.runs.children(id)).children;

describe('ctx.start', () => {
  it('starts a child once, and waits for it without a slot', async () => {
    const given: unknown[] = [];
    const parent = parentOf(async (_input, ctx) => {
      const child = await ctx.start(double, 21);
      given.push(child.id, await child.result(), await child.result());
      if (ctx.attempt < 3) throw new Error('once more');
      return child.result();
    });
    const actor = await scene.open({ functions: [parent, double], slots: 1 });
    const run = await actor.hf.start(parent, null);
    await scene.pass(1_000);
    assert.equal(await run.result(), 42);
    const [child, ...others] = await childrenOf(actor, run.id);
    assert.deepEqual(others, []);
    assert.equal(child?.outcome?.kind, 'succeeded');
    assert.deepEqual(given, [child?.id, 42, 42, child?.id, 42, 42]);
  });

  it('goes on within milliseconds of the end of the child', async () => {
    const parent = parentOf(async (_input, ctx) => (await ctx.start(double, 1)).result());
    const { hf } = await scene.open({ functions: [parent, double], pollMs: 60_000 });
    const run = await hf.start(parent, null);
    await scene.pass(20);
    assert.equal((await run.get())?.status, 'done');
  });

  it('throws a ChildError where the child failed, the same live and later', async () => {
    const seen: unknown[] = [];
    const parent = parentOf(async (_input, ctx) => {
      const child = await ctx.start(double, -1);
      const { kind, error } = await child.outcome();
      seen.push([kind, error?.code]);
      await child.result().catch((error: unknown) => {
        assert.ok(error instanceof ChildError);
        seen.push([error.code, error.child === child.id, error.message, error.outcome.kind]);
      });
      if (ctx.attempt < 3) throw new Error('once more');
      return child.result();
    });
    const { hf } = await scene.open({ functions: [parent, double] });
    const run = await hf.start(parent, null);
    await scene.pass(1_000);
    const { kind, error } = await run.outcome();
    assert.deepEqual([kind, error?.code, error?.name], ['failed', 'child.failed', 'ChildError']);
    assert.deepEqual([error?.details?.outcome, error?.details?.code], ['failed', 'n.negative']);
    assert.deepEqual(seen.slice(0, 2), seen.slice(2, 4));
    assert.equal((await run.get())?.attempt, 3, 'and it was not tried again');
  });

  it('starts children by name, with options, for the same tenant', async () => {
    const parent = parentOf(async (_input, ctx) => {
      const options = { name: 'two', lane: 'l', tags: ['t'], priority: 7, deadlineMs: 5_000 };
      const child = await ctx.start('double', 2, { ...options, close: 'abandon' });
      return child.id;
    });
    const actor = await scene.open({ functions: [parent, double] });
    const run = await actor.hf.start(parent, null, { tenant: 'acme', deadlineMs: 2_000 });
    await scene.pass(100);
    const child = await actor.hf.runs.get(String(await run.result()));
    const { tenant, lane, tags, prioritySeconds, parent: above } = child ?? {};
    assert.deepEqual([tenant, lane, tags, prioritySeconds], ['acme', 'l', ['t'], 7]);
    assert.equal(above, run.id);
    assert.equal(child?.deadlineAt, (await run.get())?.deadlineAt, 'that of its parent is earlier');
    const [row] = await childrenOf(actor, run.id);
    assert.deepEqual([row?.group, row?.index, row?.close], ['two', 0, 'abandon']);
  });

  it('refuses terms that could make the child another run, unless they are waived', async () => {
    const merging = (name: string, flow: FlowTerms<number>) =>
      defineFunction({ name, flow, run: async (n: number) => n });
    const debounced = merging('debounced', { debounce: { quietMs: 60_000, maxMs: 60_000 } });
    const only = merging('only', { unique: {} });
    const seen: unknown[] = [];
    const parent = parentOf(async (_input, ctx) => {
      seen.length = 0;
      const note = (error: StepError): void => void seen.push(error.code);
      for (const fn of [debounced, only]) {
        await ctx.start(fn, 1).catch(note);
        await ctx.start(fn.name, 1).catch(note);
        await ctx.all(fn, [1]).catch(note);
      }
      await ctx.start(double, 1, { alone: 1 as never }).catch(note);
      const options = { alone: true, delayMs: 10 };
      const one = await ctx.start(debounced, 1, options);
      const two = await ctx.start('only', 2, options);
      const all = await ctx.all(only, [3, 4], options);
      return [await one.result(), await two.result(), ...(await all.values())];
    });
    const { hf } = await scene.open({ functions: [parent, double, debounced, only] });
    await hf.start(only, 0, { delayMs: 60_000 });
    const run = await hf.start(parent, null);
    await scene.pass(1_000);
    assert.deepEqual(await run.result(), [1, 2, 3, 4]);
    assert.deepEqual(seen, [...new Array(6).fill('child.joins'), 'request.invalid']);
  });

  it('refuses what no run can be made of', async () => {
    const seen: unknown[] = [];
    const parent = parentOf(async (_input, ctx) => {
      const attempts = [
        () => ctx.start('nobody', 1),
        () => ctx.start(double, 1, { close: 'never' as never }),
        () => ctx.start(double, 1, { id: 'mine' } as never),
        () => ctx.start(double, 1, { name: 'a#2' }),
        () => ctx.start(7 as never, 1),
        () => ctx.start(double, 1, { priority: 1e9 }),
        () => ctx.all(double, 7 as never),
        () => ctx.step('in a step', async () => (await ctx.start(double, 1)).id),
      ];
      for (const attempt of attempts) {
        await attempt().catch((error: StepError) => seen.push(error.code));
      }
    });
    const actor = await scene.open({ functions: [parent, double] });
    const run = await actor.hf.start(parent, null);
    await scene.pass(1_000);
    await run.result();
    assert.deepEqual(seen, [
      ...['function.unknown', 'request.invalid', 'request.invalid', 'key.invalid'],
      ...['request.invalid', 'request.invalid', 'request.invalid', 'request.invalid'],
    ]);
    assert.deepEqual(await childrenOf(actor, run.id), []);
  });

  it('answers a cycle of children with a refusal', async () => {
    const again = defineFunction({
      name: 'again',
      retry: false,
      run: async (_input: null, ctx): Promise<unknown> =>
        (await ctx.start('again', null, { close: 'abandon' })).result(),
    });
    const actor = await scene.open({ functions: [again] });
    const run = await actor.hf.start(again, null);
    await scene.pass(5_000);
    const { kind, error } = await run.outcome();
    assert.deepEqual([kind, error?.code], ['failed', 'child.failed']);
    const counts = await actor.hf.runs.counts();
    assert.deepEqual([counts.failed, counts.succeeded], [limits.childDepthMax + 1, 0]);
  });

  it('waits out a store that is away, for as long as it takes', async () => {
    let away = true;
    const fault = ({ verb, args }: StoreCall): StoreFault | null => {
      const [items] = args as [readonly StartItem[]];
      if (!away || verb !== 'start' || items[0]?.parent === undefined) return null;
      return { fail: 'before' };
    };
    const parent = parentOf(async (_input, ctx) => (await ctx.start(double, 4)).result());
    const { hf } = await scene.open({ functions: [parent, double], fault });
    const run = await hf.start(parent, null);
    await scene.pass(30_000);
    assert.equal((await run.get())?.status, 'running');
    away = false;
    await scene.pass(2_000);
    assert.equal(await run.result(), 8);
  });

  it('a read that takes its time is no divergence', async () => {
    let slow = false;
    const fault = ({ verb }: StoreCall): StoreFault | null =>
      slow && verb === 'ends' ? { delayMs: 10_000 } : null;
    const parent = parentOf(async (_input, ctx) => {
      const one = (async () => {
        const value = await (await ctx.start(double, 4)).result();
        return ctx.step('after', () => value);
      })();
      const [value] = await Promise.all([one, ctx.sleep(20_000)]);
      return value;
    });
    const { hf } = await scene.open({ functions: [parent, double], fault });
    const run = await hf.start(parent, null);
    await scene.pass(10_000);
    slow = true;
    await scene.pass(60_000);
    assert.equal((await run.get())?.result, 8);
    const ends = (await run.get())?.attempts.map(({ end }) => end);
    assert.ok(!ends?.includes('diverged'), String(ends));
  });
});

describe('ctx.all', () => {
  it('starts a child for each input, in batches, and gives all of their ends', async () => {
    const count = 1_203;
    let taken = 0;
    const batches: number[] = [];
    const fault = ({ verb, args }: StoreCall): null => {
      const [items] = args as [readonly StartItem[]];
      if (verb === 'start' && items[0]?.parent !== undefined) batches.push(items.length);
      return null;
    };
    async function* inputs() {
      for (let n = 0; n < count; n += 1) {
        taken += 1;
        yield n === 700 ? -1 : n;
      }
    }
    const parent = parentOf(async (_input, ctx) => {
      const all = await ctx.all(double, inputs(), { name: 'many' });
      const values: unknown[] = [];
      for await (const { index, outcome, value } of all.outcomes()) {
        values.push([index, outcome.kind, value]);
      }
      return { count: all.count, succeeded: all.succeeded, failed: all.failed, values };
    });
    const { hf } = await scene.open({ functions: [parent, double], slots: 50, fault });
    const run = await hf.start(parent, null);
    await scene.pass(20_000);
    const given = (await run.result()) as { readonly values: readonly unknown[] };
    const { values, ...sums } = given;
    assert.deepEqual(sums, { count, succeeded: count - 1, failed: 1 });
    assert.deepEqual(
      values,
      Array.from({ length: count }, (_, n) =>
        n === 700 ? [n, 'failed', null] : [n, 'succeeded', 2 * n],
      ),
    );
    assert.equal(taken, count, 'they are not gone through again');
    assert.deepEqual(batches, [limits.childStartRowsMax, limits.childStartRowsMax, 203]);
    const { steps } = await hf.runs.steps(run.id);
    assert.deepEqual(
      steps.map(({ key }) => key),
      ['start/many', 'child/many', 'tally/many'],
    );
  });

  it('gives values in the order of the inputs, or the first error', async () => {
    const parent = parentOf(async (input, ctx) => {
      const all = await ctx.all(double, input as readonly number[]);
      return all.values();
    });
    const { hf } = await scene.open({ functions: [parent, double] });
    const [good, bad, none] = await Promise.all([
      hf.start(parent, [3, 1, 2]),
      hf.start(parent, [1, -5, -6]),
      hf.start(parent, []),
    ]);
    await scene.pass(1_000);
    assert.deepEqual(await good.result(), [6, 2, 4]);
    assert.deepEqual(await none.result(), []);
    const { error } = await bad.outcome();
    assert.deepEqual([error?.code, error?.details?.message], ['child.failed', 'no -5']);
  });

  it('stops at an input that cannot be started, and what was started is closed', async () => {
    const parent = parentOf((_input, ctx) => ctx.all(double, [1, 2, 3n as never]));
    const actor = await scene.open({ functions: [parent, double] });
    const run = await actor.hf.start(parent, null);
    await scene.pass(1_000);
    const { error } = await run.outcome();
    assert.deepEqual([error?.code, error?.details?.step], ['payload.not_json', 'start/double']);
  });

  it('asks a full tenant again, and says so when that is in vain', async () => {
    const parent = parentOf((_input, ctx) => ctx.all(endless, [null, null, null]));
    const { hf } = await scene.open({ functions: [parent] });
    await hf.tenants.set('default', { waitingMax: 2 });
    const run = await hf.start(parent, null);
    await scene.pass(5_000);
    const { error } = await run.outcome();
    assert.equal(error?.code, 'tenant.full');
  });
});

describe('the end of a parent', () => {
  const withEach = parentOf(async (input, ctx) => {
    for (const close of ['terminate', 'cancel', 'abandon'] as const) {
      await ctx.start(endless, null, { name: close, close });
    }
    if (input !== 'ends') await ctx.sleep(3_600_000);
    return 'done';
  });

  const stand = async (actor: Actor, id: string) =>
    (await childrenOf(actor, id)).map(({ outcome, status }) => outcome?.kind ?? status);

  it('closes its children by their word', async () => {
    const actor = await scene.open({ functions: [withEach, endless] });
    const run = await actor.hf.start(withEach, 'ends');
    await scene.pass(200);
    assert.equal(await run.result(), 'done');
    assert.deepEqual(await stand(actor, run.id), ['cancelled', 'cancelled', 'running']);
    for (const { id } of await childrenOf(actor, run.id))
      await actor.hf.runs.cancel(id).catch(() => {});
  });

  it('a cancel flows down, and clean-up still does what it has to', async () => {
    const done: string[] = [];
    const undo = defineFunction({ name: 'undo', run: async () => void done.push('undone') });
    const parent = parentOf(async (_input, ctx) => {
      const child = await ctx.start(endless, null);
      try {
        await Promise.all([child.result(), ctx.sleep(3_600_000, { name: 'beside' })]);
      } catch (error) {
        await ctx.step('clean up', () => done.push('cleaned up'));
        await ctx.start(undo, null, { close: 'abandon' });
        throw error;
      }
    });
    const hold = defineFunction({
      name: 'hold',
      timeouts: { graceMs: 1_000 },
      run: async (_input: null, ctx) => {
        const child = await ctx.start(endless, null);
        const stopped = new Promise((_, reject) =>
          ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)),
        );
        try {
          await stopped;
        } catch (error) {
          await ctx.step('clean up', () => done.push('cleaned up'));
          await ctx.start(undo, null, { close: 'abandon' });
          await child.result().catch(() => done.push('not waited for'));
          throw error;
        }
      },
    });
    const actor = await scene.open({ functions: [parent, hold, undo, endless] });
    const parked = await actor.hf.start(parent, null);
    const held = await actor.hf.start(hold, null);
    await scene.pass(100);
    await Promise.all([parked.cancel('enough'), held.cancel('enough')]);
    await scene.pass(500);
    assert.deepEqual(await stand(actor, parked.id), ['cancelled', 'succeeded']);
    assert.deepEqual(await stand(actor, held.id), ['cancelled', 'succeeded']);
    assert.equal((await held.outcome()).kind, 'cancelled');
    const both = ['cleaned up', 'cleaned up', 'not waited for', 'undone', 'undone'];
    assert.deepEqual(done.sort(), both);
  });

  it('is told by whoever comes next, if the one who ended it died right then', async () => {
    const parent = parentOf(async (_input, ctx) => (await ctx.start(double, 5)).result());
    let dead = false;
    const fault = ({ verb, args }: StoreCall): StoreFault | null => {
      if (dead) return { fail: 'before' };
      const [items] = args as [readonly { readonly end?: { readonly how: string } }[]];
      if (verb !== 'end' || items[0]?.end?.how !== 'succeeded') return null;
      dead = true;
      queueMicrotask(() => scene.kill(first));
      return { fail: 'after' };
    };
    const first = await scene.open({ functions: [parent, double], fault });
    const run = await first.hf.start(parent, null);
    await scene.pass(200);
    assert.ok(dead);
    const second = await scene.open({ functions: [parent, double] });
    await scene.pass(30_000);
    assert.equal((await second.hf.runs.get(run.id))?.result, 10);
  });
});

/** Durable code that is cancelled while it is parked, or waits for a retry: it cleans up. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { limits } from '../../src/core/limits.ts';
import { defineFunction } from '../../src/define-function.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import { type Actor, Scene } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const longMs = 3_600_000;

const durable = (
  run: (input: unknown, ctx: RunContext) => unknown,
  options: Partial<Parameters<typeof defineFunction>[0]> = {},
) => defineFunction({ name: 'durable', timeouts: { graceMs: 1_000 }, ...options, run });

const stepsOf = async ({ hf }: Actor, id: string) =>
  (await hf.runs.steps(id)).steps.map(({ key, state, attempt }) => [key, state, attempt]);

/** A saga that takes its money back; what it saw stands in `said`. */
function saga(said: unknown[]) {
  return durable(async (_input, ctx) => {
    await ctx.step('charge', () => said.push('charge'));
    said.push(`on in ${ctx.attempt}, ${ctx.signal.aborted ? 'stopped' : 'not stopped'}`);
    try {
      await ctx.sleep(longMs);
    } catch (error) {
      await ctx.step('refund', () => said.push('refund'));
      said.push(ctx.signal.aborted);
      throw error;
    }
  });
}

describe('a parked run that is cancelled', () => {
  it('cleans up by steps that are kept, once its code is where it was', async () => {
    const said: unknown[] = [];
    const actor = await scene.open({ functions: [saga(said)] });
    const run = await actor.hf.start('durable', null);
    await scene.pass(200);
    assert.equal((await run.get())?.status, 'parked');
    assert.deepEqual(await run.cancel('enough'), { state: 'stopping' });
    await scene.pass(500);
    const { kind, error } = await run.outcome();
    assert.deepEqual([kind, error?.message], ['cancelled', 'enough']);
    const seen = ['charge', 'on in 1, not stopped', 'on in 2, not stopped', 'refund', true];
    assert.deepEqual(said, seen);
    assert.deepEqual(await stepsOf(actor, run.id), [
      ['step/charge', 'returned', 1],
      ['sleep/sleep', 'waiting', 1],
      ['step/refund', 'returned', 2],
    ]);
    assert.deepEqual(
      (await run.get())?.attempts.map(({ end }) => end),
      ['parked', 'cancelled'],
    );
  });

  it('comes out of its races as before, and hears of the stop after them', async () => {
    const said: unknown[] = [];
    const fn = durable(async (_input, ctx) => {
      const first = await Promise.race([
        ctx.waitFor('never').catch(() => 'stopped'),
        ctx.step('slow', () => 'won'),
      ]);
      said.push(first);
      await ctx.sleep(longMs).catch(() => said.push('then stopped'));
      await ctx.step('undo', () => said.push('undo'));
    });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(200);
    await run.cancel();
    await scene.pass(500);
    assert.deepEqual(said, ['won', 'won', 'then stopped', 'undo']);
    assert.equal((await run.outcome()).kind, 'succeeded', 'it caught the stop and went on');
  });

  it('ends as cancelled also when its code does not look at it', async () => {
    const fn = durable((_input, ctx) => ctx.sleep(longMs));
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(200);
    await run.cancel('enough');
    await scene.pass(200);
    assert.equal((await run.outcome()).kind, 'cancelled');
  });

  it('has the grace of its function for it, and no more', async () => {
    const fn = durable(async (_input, ctx) => {
      await ctx.sleep(longMs).catch(() => ctx.step('endless', () => new Promise(() => {})));
    });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(200);
    await run.cancel();
    await scene.pass(900);
    assert.equal((await run.get())?.status, 'running');
    await scene.pass(300);
    assert.equal((await run.outcome()).kind, 'cancelled');
  });

  it('waits for nothing in its clean-up', async () => {
    const said: unknown[] = [];
    const fn = durable(async (_input, ctx) => {
      await ctx.waitFor('never').catch(() => null);
      await ctx.sleep(longMs).catch((error) => said.push(error.code));
      await ctx.waitFor('ever').catch((error) => said.push(error.code));
      throw ctx.signal.reason;
    });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(200);
    await run.cancel();
    await scene.pass(200);
    assert.equal((await run.outcome()).kind, 'cancelled');
    assert.deepEqual(said, ['run.cancelled', 'run.cancelled']);
  });

  it('goes on with its clean-up when the node dies in it', async () => {
    const said: string[] = [];
    const fn = durable(
      async (_input, ctx) => {
        await ctx.step('charge', () => said.push(`charge ${ctx.attempt}`));
        try {
          await ctx.sleep(longMs);
        } catch (error) {
          await ctx.step('refund', () => said.push(`refund ${ctx.attempt}`));
          await ctx.step('tell', () => {
            said.push(`tell ${ctx.attempt}`);
            return ctx.attempt === 2 ? new Promise(() => {}) : null;
          });
          throw error;
        }
      },
      { timeouts: { graceMs: 5_000 } },
    );
    const victim = await scene.open({ functions: [fn] });
    const run = await victim.hf.start(fn, null);
    await scene.pass(200);
    await run.cancel('enough');
    await scene.pass(200);
    assert.deepEqual(said, ['charge 1', 'refund 2', 'tell 2']);
    scene.kill(victim);
    const heir = await scene.open({ functions: [fn] });
    await scene.pass(5_000);
    const shown = await heir.hf.runs.get(run.id);
    assert.equal(shown?.outcome?.kind, 'cancelled');
    assert.deepEqual(said, ['charge 1', 'refund 2', 'tell 2', 'tell 3']);
    const ends = shown?.attempts.map(({ end }) => end);
    assert.deepEqual(ends, ['parked', 'crashed', 'cancelled']);
  });

  it('goes on elsewhere when the node drains before its code is where it was', async () => {
    const gate = Promise.withResolvers<void>();
    const said: number[] = [];
    const fn = durable(async (_input, ctx) => {
      await ctx.step('a', () => null);
      if (ctx.attempt === 2) await gate.promise;
      await ctx.sleep(longMs).catch(() => ctx.step('undo', () => said.push(ctx.attempt)));
    });
    const first = await scene.open({ functions: [fn] });
    const run = await first.hf.start(fn, null);
    await scene.pass(200);
    await run.cancel();
    await scene.pass(100);
    const drained = first.hf.drain({ graceMs: 0 });
    await scene.pass(100);
    gate.resolve();
    await scene.pass(2_000);
    await drained;
    const heir = await scene.open({ functions: [fn] });
    await scene.pass(2_000);
    assert.notEqual((await heir.hf.runs.get(run.id))?.outcome, null);
    assert.deepEqual(said, [3]);
  });

  it('is cancelled without when no node takes it up in time, and says so until then', async () => {
    const said: unknown[] = [];
    const first = await scene.open({ functions: [saga(said)] });
    const { id } = await first.hf.start('durable', null);
    await scene.pass(200);
    await first.hf.close();
    const idle = defineFunction({ name: 'idle', run: () => null });
    const other = await scene.open({ functions: [idle] });
    assert.deepEqual(await other.hf.runs.cancel(id, 'enough'), { state: 'stopping' });
    assert.match(
      (await other.hf.runs.explain(id)).sentence,
      /asked to stop \(enough\) and waits for a node on which its code cleans up\. It waits for/,
    );
    await scene.pass(limits.cleanUpWaitMs - 1_000);
    assert.equal((await other.hf.runs.get(id))?.status, 'queued');
    // Nobody told this node when that is: it looks by its poll.
    await scene.pass(10_000);
    const shown = await other.hf.runs.get(id);
    assert.deepEqual([shown?.outcome?.kind, shown?.attempt], ['cancelled', 1]);
    assert.deepEqual(said, ['charge', 'on in 1, not stopped']);
  });
});

describe('a run that waits for its retry and is cancelled', () => {
  it('cleans up at once if steps of it are kept', async () => {
    const said: string[] = [];
    const fn = durable(
      async (_input, ctx) => {
        await ctx.step('charge', () => said.push('charge'));
        if (ctx.attempt === 1) throw new Error('not now');
        try {
          await ctx.step('ship', () => said.push('ship'));
          await ctx.sleep(longMs);
        } finally {
          await ctx.step('refund', () => said.push('refund'));
        }
      },
      { retry: { attemptsMax: 3, backoff: 'fixed', delayMs: longMs, delayMsMax: longMs } },
    );
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(200);
    assert.deepEqual(await run.cancel(), { state: 'stopping' });
    await scene.pass(500);
    assert.equal((await run.outcome()).kind, 'cancelled');
    assert.deepEqual(said, ['charge', 'refund'], 'what was not begun is not begun any more');
  });

  it('ends at once if nothing of it is kept', async () => {
    const fn = durable(
      () => {
        throw new Error('not now');
      },
      { retry: { attemptsMax: 3, backoff: 'fixed', delayMs: longMs, delayMsMax: longMs } },
    );
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(200);
    assert.deepEqual(await run.cancel(), { state: 'cancelled' });
  });
});

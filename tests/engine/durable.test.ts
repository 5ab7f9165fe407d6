/** Durable code: steps are done once, waits hold no slot, and a later attempt goes on. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { StepError } from '../../src/core/durable/step-error.ts';
import { HoldfastError } from '../../src/core/errors.ts';
import { NonRetryableError } from '../../src/core/handler-error.ts';
import { defineFunction } from '../../src/define-function.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import { type Actor, Scene, verbsOf, watched } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const longMs = 60_000;

/** A function with this code. */
const durable = (run: (input: unknown, ctx: RunContext) => unknown) =>
  defineFunction({
    name: 'durable',
    retry: { attemptsMax: 3, backoff: 'fixed', delayMs: 100, jitter: 0 },
    run,
  });

const keysOf = async ({ hf }: Actor, id: string) =>
  (await hf.runs.steps(id)).steps.map(({ key, state }) => [key, state]);

describe('a step', () => {
  it('is done once, and gives later attempts what it gave', async () => {
    const done: string[] = [];
    const fn = durable(async (_input, ctx) => {
      const a = await ctx.step('a', () => {
        done.push('a');
        return { n: 1 };
      });
      const b = await ctx.step('a', async () => {
        done.push('a#2');
        return a.n + 1;
      });
      if (ctx.attempt < 3) throw new Error('not yet');
      return [a, b];
    });
    const actor = await scene.open({ functions: [fn] });
    const run = await actor.hf.start(fn, null);
    await scene.pass(1_000);
    assert.deepEqual(await run.result(), [{ n: 1 }, 2]);
    assert.deepEqual(done, ['a', 'a#2']);
    assert.deepEqual(await keysOf(actor, run.id), [
      ['step/a', 'returned'],
      ['step/a#2', 'returned'],
    ]);
  });

  it('gives the code what JSON makes of it, live and later', async () => {
    const seen: unknown[] = [];
    const fn = durable(async (_input, ctx) => {
      seen.push(await ctx.step('date', () => new Date(0)));
      seen.push(await ctx.step('nothing', () => undefined));
      if (ctx.attempt === 1) throw new Error('again');
    });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(1_000);
    await run.result();
    const once = ['1970-01-01T00:00:00.000Z', null];
    assert.deepEqual(seen, [...once, ...once]);
  });

  it('is tried as often as the policy says, and its error is the same live and later', async () => {
    const seen: unknown[] = [];
    let tries = 0;
    const fn = durable(async (_input, ctx) => {
      try {
        await ctx.step('fails', () => {
          tries += 1;
          throw Object.assign(new TypeError(`no ${tries}`), { code: 'E_NO' });
        });
      } catch (error) {
        assert.ok(error instanceof StepError);
        const { code, message, step, detail } = error;
        seen.push({ code, message, step, detail });
      }
      if (ctx.attempt === 1) throw new Error('again');
      return 'caught';
    });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(1_000);
    assert.equal(await run.result(), 'caught');
    assert.equal(tries, 3);
    assert.deepEqual(seen[0], seen[1]);
    const { code, message, step, detail } = seen[0] as StepError;
    assert.deepEqual([code, message, step], ['E_NO', 'no 3', 'step/fails']);
    assert.equal(detail.name, 'TypeError');
  });

  it('that failed for good ends the run when nobody catches it', async () => {
    let tries = 0;
    const fn = durable((_input, ctx) =>
      ctx.step('fails', () => {
        tries += 1;
        throw new NonRetryableError('declined', { code: 'card.declined' });
      }),
    );
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(1_000);
    const { kind, error } = await run.outcome();
    assert.deepEqual(
      [kind, error?.code, error?.details],
      ['failed', 'card.declined', { step: 'step/fails' }],
    );
    assert.equal(tries, 1);
    assert.equal((await run.get())?.attempt, 1);
  });
});

describe('a wait', () => {
  it('holds no slot, and the run goes on after it', async () => {
    const done: string[] = [];
    const fn = durable(async (_input, ctx) => {
      await ctx.step('before', () => done.push('before'));
      await ctx.sleep(longMs);
      await ctx.step('after', () => done.push('after'));
      return ctx.attempt;
    });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(1_000);
    assert.equal((await run.get())?.status, 'parked');
    assert.equal(hf.stats().running, 0);
    assert.deepEqual(done, ['before']);
    await scene.pass(longMs - 2_000);
    assert.deepEqual(done, ['before']);
    await scene.pass(2_000);
    assert.equal(await run.result(), 2);
    assert.deepEqual(done, ['before', 'after']);
  });

  it('for an event ends by it, whether it came before or after', async () => {
    const fn = durable(async (input, ctx) => {
      const first = await ctx.waitFor<{ order: number; n: number }>('paid', {
        match: { order: input as number },
      });
      const second = await ctx.waitFor<{ order: number; n: number }>('paid', {
        match: { order: input as number },
      });
      return [first?.data.n, second?.data.n];
    });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 7);
    await scene.pass(100);
    await hf.emit('paid', { order: 8, n: 0 });
    await hf.emit('paid', { order: 7, n: 1 }, { id: 'one' });
    assert.equal((await hf.emit('paid', { order: 7, n: 1 }, { id: 'one' })).created, false);
    await hf.emit('paid', { order: 7, n: 2 });
    await scene.pass(100);
    assert.deepEqual(await run.result(), [1, 2]);
  });

  it('for an event gives null when its time is over', async () => {
    const fn = durable((_input, ctx) => ctx.waitFor('never', { timeoutMs: 5_000 }));
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    const result = watched(run.result());
    await scene.pass(4_900);
    assert.equal(result.settled, false);
    await scene.pass(200);
    assert.equal(await result.promise, null);
  });

  it('that is short holds its slot, and that is over goes on at once', async () => {
    const fn = durable(async (_input, ctx) => {
      await ctx.sleep(0);
      await ctx.sleepUntil(0);
      await ctx.sleep(40);
      return [ctx.attempt, await ctx.waitFor('never', { timeoutMs: 0 })];
    });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(60);
    assert.deepEqual(await run.result(), [1, null]);
  });

  it('for a decision is ended by whoever has the token', async () => {
    const tokens: string[] = [];
    const fn = durable(async (_input, ctx) => {
      const approval = await ctx.approval('refund');
      await ctx.step('mail', () => tokens.push(approval.token));
      return [approval.token, await approval.decision()];
    });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(100);
    const [token = ''] = tokens;
    await hf.approvals.approve(token, { by: 'ada', data: { amount: 5 } });
    const decision = { state: 'approved', by: 'ada', data: { amount: 5 } };
    await scene.pass(100);
    assert.deepEqual(await run.result(), [token, decision]);
    await assert.rejects(hf.approvals.reject(token), { code: 'approval.already_done' });
    await assert.rejects(hf.approvals.reject('nobody'), { code: 'approval.not_found' });
  });
});

describe('parallel branches', () => {
  it('come out of a race as before', async () => {
    const winners: unknown[] = [];
    const gate = Promise.withResolvers<string>();
    const fn = durable(async (_input, ctx) => {
      const fast = ctx.step('fast', () => gate.promise);
      const slow = ctx.sleep(200).then(() => 'slow');
      winners.push(await Promise.race([slow, fast]));
      await slow;
      await ctx.step('more', () => 0);
      await ctx.sleep(1_000);
      return winners.length;
    });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(100);
    gate.resolve('fast');
    await scene.pass(3_000);
    await run.result();
    assert.deepEqual(winners, ['fast', 'fast', 'fast']);
  });

  it('a wait beside a step is kept, and its end is heard while the step goes on', async () => {
    const gate = Promise.withResolvers<string>();
    const heard: unknown[] = [];
    const fn = durable(async (_input, ctx) => {
      const step = ctx.step('long', () => gate.promise);
      heard.push((await ctx.waitFor('go'))?.data);
      return [await step, ctx.attempt];
    });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(100);
    await hf.emit('go', 'now');
    await scene.pass(100);
    assert.deepEqual(heard, ['now']);
    gate.resolve('done');
    await scene.pass(10);
    assert.deepEqual(await run.result(), ['done', 1]);
  });
});

describe('code that changed', () => {
  const twoVersions = async (
    before: (ctx: RunContext) => Promise<unknown>,
    after: (ctx: RunContext) => Promise<unknown>,
  ) => {
    let code = before;
    const fn = durable((_input, ctx) => code(ctx));
    const actor = await scene.open({ functions: [fn] });
    const run = await actor.hf.start(fn, null);
    await scene.pass(100);
    code = after;
    await scene.pass(longMs + 10_000);
    return { ...actor, run, change: (next: typeof before) => (code = next) };
  };

  it('sets the run aside with the difference, and a retry goes on once it is mended', async () => {
    const done: string[] = [];
    const step = (ctx: RunContext, name: string) => ctx.step(name, () => done.push(name));
    const old = async (ctx: RunContext) => {
      await step(ctx, 'charge');
      await ctx.sleep(longMs);
      await step(ctx, 'ship');
    };
    const { hf, run, change } = await twoVersions(old, async (ctx) => {
      await step(ctx, 'pay');
      await ctx.sleep(longMs);
    });
    const found = await run.get();
    assert.equal(found?.status, 'quarantined');
    assert.equal(found.quarantine?.code, 'replay.diverged');
    const { recorded, asked } = found.quarantine.details ?? {};
    assert.deepEqual([recorded, asked], [['step/charge', 'sleep/sleep'], ['step/pay']]);
    assert.deepEqual(done, ['charge']);
    change(old);
    await hf.runs.retry(run.id);
    await scene.pass(100);
    assert.equal((await run.outcome()).kind, 'succeeded');
    assert.deepEqual(done, ['charge', 'ship']);
  });

  it('that returns without a step that is kept has diverged too', async () => {
    const { run } = await twoVersions(
      async (ctx) => {
        await ctx.step('a', () => 1);
        await ctx.step('b', () => 2);
        await ctx.sleep(longMs);
      },
      async (ctx) => {
        await ctx.step('a', () => 1);
      },
    );
    assert.deepEqual((await run.get())?.quarantine?.details, {
      recorded: ['step/b'],
      asked: [],
      at: 2,
    });
  });

  it('that only waits for something else has diverged too', async () => {
    const { run } = await twoVersions(
      async (ctx) => {
        await ctx.step('a', () => 1);
        await ctx.sleep(longMs);
      },
      (ctx) => ctx.sleep(longMs),
    );
    assert.equal((await run.get())?.quarantine?.code, 'replay.diverged');
  });

  it('can be left behind: a fork begins with the steps before the chosen one', async () => {
    const done: string[] = [];
    const { hf, run } = await twoVersions(
      async (ctx) => {
        await ctx.step('a', () => done.push('a'));
        await ctx.step('b', () => done.push('b'));
        await ctx.sleep(longMs);
      },
      async (ctx) => {
        await ctx.step('a', () => done.push('a again'));
        await ctx.step('c', () => done.push('c'));
        return 'forked';
      },
    );
    assert.equal((await run.get())?.status, 'quarantined');
    const fork = await hf.runs.fork(run.id, { from: 'step/b' });
    await scene.pass(100);
    assert.equal(await fork.result(), 'forked');
    assert.deepEqual(done, ['a', 'b', 'c']);
    await assert.rejects(hf.runs.fork(run.id, { from: 'step/x' }), { code: 'step.not_found' });
  });
});

describe('the end of an attempt', () => {
  it('does nothing for code that asks for its first step after its attempt', async () => {
    const gate = Promise.withResolvers<void>();
    const after: string[] = [];
    const fn = durable(async (_input, ctx) => {
      void gate.promise.then(async () => {
        after.push('asks');
        await ctx.step('late', () => after.push('late'));
        after.push('never');
      });
      return 'over';
    });
    const actor = await scene.open({ functions: [fn] });
    const run = await actor.hf.start(fn, null);
    await scene.pass(100);
    assert.equal((await run.get())?.outcome?.kind, 'succeeded');
    gate.resolve();
    await scene.pass(5_000);
    assert.deepEqual(after, ['asks']);
    assert.deepEqual(await keysOf(actor, run.id), []);
  });

  it('forgets code that is still executing: it settles nothing and writes nothing', async () => {
    const gate = Promise.withResolvers<void>();
    const after: string[] = [];
    const fn = durable(async (_input, ctx) => {
      const plain = (async () => {
        await gate.promise;
        ctx.log.info('too late');
        ctx.progress(1);
        after.push('plain');
        await ctx.step('late', () => after.push('late'));
        after.push('never');
      })();
      if (ctx.attempt === 1) await Promise.all([plain, ctx.sleep(longMs)]);
      else await ctx.sleep(longMs);
      return ctx.signal.aborted;
    });
    const actor = await scene.open({ functions: [fn] });
    const run = await actor.hf.start(fn, null);
    await scene.pass(100);
    assert.equal(actor.hf.stats().running, 0);
    gate.resolve();
    await scene.pass(100);
    assert.deepEqual(after, ['plain']);
    assert.deepEqual(await keysOf(actor, run.id), [['sleep/sleep', 'waiting']]);
    assert.equal((await run.get())?.logLines, 0);
  });

  it('warns once of a wait that nothing ends', async () => {
    const endless = defineFunction({
      name: 'endless',
      run: async (input: unknown, ctx: RunContext) => {
        const rest = input === 'bounded' ? { timeoutMs: longMs } : {};
        await Promise.all([
          ctx.waitFor('never', rest),
          ...(input === 'beside' ? [ctx.sleep(longMs)] : []),
        ]);
        if (input === null) await ctx.waitFor('never');
      },
    });
    const actor = await scene.open({ functions: [endless] });
    await actor.hf.start(endless, 'bounded');
    await actor.hf.start(endless, 'beside');
    await actor.hf.start(endless, null, { deadlineMs: longMs });
    await scene.pass(200);
    const warned = () => actor.said.filter(({ message }) => /waits for ever/.test(message));
    assert.deepEqual(warned(), []);
    for (let n = 0; n < 3; n += 1) await actor.hf.start(endless, null);
    await scene.pass(200);
    // Told once, they wait again under the same name.
    await actor.hf.emit('never', null);
    await scene.pass(200);
    assert.deepEqual(
      warned().map(({ level, message }) => [level, message]),
      [
        [
          'warn',
          "'endless' waits for 'event/never' without a timeout, and its run has no deadline: " +
            'if that never comes, it waits for ever',
        ],
      ],
    );
  });

  it('aborts steps that nobody waited for, and says so once', async () => {
    const signals: AbortSignal[] = [];
    const fn = durable((_input, ctx) => {
      void ctx.step('left', ({ signal }) => {
        signals.push(signal);
        return new Promise(() => {});
      });
      return 'done';
    });
    const actor = await scene.open({ functions: [fn] });
    const run = await actor.hf.start(fn, null);
    await scene.pass(1_000);
    assert.equal(await run.result(), 'done');
    assert.equal(signals[0]?.aborted, true);
    assert.ok(signals[0].reason instanceof HoldfastError);
    const { lines } = await actor.hf.runs.logs(run.id);
    assert.deepEqual(
      lines.map(({ level, fields }) => [level, fields]),
      [['warn', { steps: ['step/left'], count: 1 }]],
    );
    assert.deepEqual(await keysOf(actor, run.id), []);
  });

  it('refuses a step within a step', async () => {
    const fn = durable((_input, ctx) =>
      ctx.step('outer', async () => {
        await null;
        return ctx.step('inner', () => 1);
      }),
    );
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(1_000);
    const { error } = await run.outcome();
    assert.equal(error?.code, 'request.invalid');
    assert.match(error?.message ?? '', /inside of 'step\/outer'/);
  });

  it('costs a run that asks for nothing durable no call of the store', async () => {
    const fn = durable((_input, ctx) => {
      if (ctx.attempt === 1) throw new Error('again');
      return 1;
    });
    const actor = await scene.open({ functions: [fn] });
    const run = await actor.hf.start(fn, null);
    await scene.pass(1_000);
    await run.result();
    const verbs = new Set(verbsOf(actor));
    assert.deepEqual([verbs.has('record'), verbs.has('steps')], [false, false]);
  });
});

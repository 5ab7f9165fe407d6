/** Durable code through the public interface, on every store, on real time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type AnyFunction,
  defineFunction,
  Holdfast,
  type Run,
  type RunContext,
  type RunHandle,
  type StepError,
} from 'holdfast';
import { testServer } from '../postgres/server.ts';
import { temporaryFolder } from './call.ts';

interface Place extends AsyncDisposable {
  readonly store: string;
}

const stores: Readonly<Record<string, () => Promise<Place>>> = {
  memory: async () => ({ store: 'memory:', [Symbol.asyncDispose]: async () => {} }),
  sqlite: async () => {
    const folder = temporaryFolder();
    const dispose = async (): Promise<void> => folder[Symbol.dispose]();
    return { store: folder.at('durable.db'), [Symbol.asyncDispose]: dispose };
  },
  postgres: async () => {
    const place = (await testServer()).freshSchema();
    return { store: place.url, [Symbol.asyncDispose]: () => place.drop() };
  },
};

const retry = { attemptsMax: 3, delayMs: 1, jitter: 0 } as const;
const define = (run: (input: unknown, ctx: RunContext) => Promise<unknown>) =>
  defineFunction({ name: 'durable', retry, run });
/** Looks until the run stands so. */
async function until(run: RunHandle, status: string): Promise<Run> {
  for (;;) {
    const found = await run.get();
    if (found?.status === status) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const patience = { timeout: 60_000 };

for (const [kind, open] of Object.entries(stores)) {
  describe(`durable code on a store of the kind ${kind}`, patience, () => {
    const on = async (
      fn: AnyFunction,
      body: (hf: Holdfast) => Promise<void>,
      options: { readonly slots?: number } = {},
    ): Promise<void> => {
      await using place = await open();
      await using hf = await Holdfast.open({ store: place.store, functions: [fn], ...options });
      await body(hf);
    };

    it('does steps once, over retries and waits', async () => {
      const done: string[] = [];
      const fn = define(async (_input, ctx) => {
        const ids = await Promise.all(
          ['a', 'b'].map((name) => ctx.step(name, () => done.push(name))),
        );
        const failed = await ctx
          .step('c', () => Promise.reject(new Error('no')))
          .catch((error: unknown) => (error as StepError).message);
        await ctx.sleep(100);
        const facts = [await ctx.uuid(), await ctx.random(), await ctx.now()];
        if (ctx.attempt < 3) throw new Error('again');
        return [ids, failed, facts];
      });
      await on(fn, async (hf) => {
        const run = await hf.start(fn, null);
        const [ids, failed, facts] = (await run.result()) as unknown[][];
        assert.deepEqual([ids, failed, done], [[1, 2], 'no', ['a', 'b']]);
        const { steps } = await hf.runs.steps(run.id);
        assert.deepEqual(
          steps.map(({ key, state, tries }) => [key, state, tries]),
          [
            ['step/a', 'returned', 1],
            ['step/b', 'returned', 1],
            ['step/c', 'threw', 3],
            ['sleep/sleep', 'returned', 1],
            ['step/uuid()', 'returned', 1],
            ['step/random()', 'returned', 1],
            ['step/now()', 'returned', 1],
          ],
        );
        assert.deepEqual(
          steps.slice(4).map(({ value }) => value),
          facts,
        );
      });
    });

    it('waits without a slot: more runs than slots wait for their events at once', async () => {
      const fn = define(async (input, ctx) => {
        const heard = await ctx.waitFor<{ n: number }>('go', { match: { n: input as number } });
        await ctx.step('done', () => null);
        return heard?.data.n;
      });
      const count = 20;
      await on(
        fn,
        async (hf) => {
          const inputs = Array.from({ length: count }, (_, n) => n);
          const started = await hf.startMany(
            fn,
            inputs.map((input) => ({ input })),
          );
          const runs = started.map((one) => {
            if (!one.ok) throw one.error;
            return one.run;
          });
          await Promise.all(inputs.map((n) => hf.emit('go', { n }, { id: `go-${n}` })));
          assert.deepEqual(await Promise.all(runs.map((run) => run.result())), inputs);
        },
        { slots: 1 },
      );
    });

    it('hears of events and decisions while a step goes on', async () => {
      const gate = Promise.withResolvers<string>();
      const token = Promise.withResolvers<string>();
      const fn = define(async (_input, ctx) => {
        const long = ctx.step('long', () => gate.promise);
        const event = await ctx.waitFor('first');
        const approval = await ctx.approval();
        token.resolve(approval.token);
        const { state } = await approval.decision();
        gate.resolve('long');
        return [event?.data, state, await long, ctx.attempt];
      });
      await on(fn, async (hf) => {
        const run = await hf.start(fn, null);
        await hf.emit('first', 1);
        await hf.approvals.reject(await token.promise);
        assert.deepEqual(await run.result(), [1, 'rejected', 'long', 1]);
      });
    });

    it('sets code aside that has changed, and a fork goes on with the new one', async () => {
      let version = 1;
      const fn = define(async (_input, ctx) => {
        await ctx.step('same', () => null);
        if (version === 1) {
          await ctx.step('old', () => null);
          await ctx.waitFor('go');
        }
        await ctx.step('new', () => null);
        return version;
      });
      await on(fn, async (hf) => {
        const run = await hf.start(fn, null);
        await until(run, 'parked');
        version = 2;
        await hf.emit('go', null);
        const { quarantine } = await until(run, 'quarantined');
        assert.equal(quarantine?.code, 'replay.diverged');
        assert.deepEqual(quarantine.details?.asked, ['step/new']);
        const fork = await hf.runs.fork(run.id, { from: 'step/old' });
        assert.equal(await fork.result(), 2);
        const keys = (await hf.runs.steps(fork.id)).steps.map(({ key, attempt }) => [key, attempt]);
        assert.deepEqual(keys, [
          ['step/same', 0],
          ['step/new', 1],
        ]);
      });
    });

    it('keeps large values, many steps and odd texts as they are', async () => {
      const odd = 'ü\u0000\ud83d\ude00"\\';
      const fn = define(async (_input, ctx) => {
        let sum = 0;
        for (let n = 0; n < 50; n += 1) sum += (await ctx.step('n', () => [n, odd]))[0] as number;
        const large = await ctx.step(odd.replaceAll('\u0000', ''), () => 'x'.repeat(100_000));
        if (ctx.attempt === 1) throw new Error('again');
        return [sum, large.length, (await ctx.step('odd', () => odd)) === odd];
      });
      await on(fn, async (hf) => {
        const run = await hf.start(fn, null);
        assert.deepEqual(await run.result(), [1_225, 100_000, true]);
      });
    });
  });
}

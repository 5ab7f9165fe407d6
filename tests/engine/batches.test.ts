/** Functions that take many runs at once: how they gather, and a verdict for each. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BatchItem, defineBatchFunction, HoldfastError, NonRetryableError } from 'holdfast';
import { type TestRuntime, testRuntime } from 'holdfast/testing';
import { z } from 'zod';

const noRetry = { retry: false } as const;

/** A function that remembers its batches, and does with each what the test says. */
function batched(
  act: (items: readonly BatchItem<number, string>[]) => unknown,
  batch = { max: 3, waitMs: 100 },
  more: { readonly retry?: false } = noRetry,
) {
  const batches: number[][] = [];
  const fn = defineBatchFunction({
    name: 'add',
    batch,
    ...more,
    run: (items: readonly BatchItem<number, string>[]) => {
      batches.push(items.map(({ input }) => input));
      return act(items) as undefined;
    },
  });
  return { fn, batches };
}

const inputs = (count: number) => Array.from({ length: count }, (_, n) => ({ input: n + 1 }));

/** Starts runs with the inputs from 1 on; gives how each ended. */
async function outcomes(
  runtime: TestRuntime,
  fn: ReturnType<typeof batched>['fn'],
  count: number,
): Promise<readonly (string | undefined)[]> {
  const started = await runtime.holdfast.startMany(fn, inputs(count));
  await runtime.runToIdle();
  return Promise.all(
    started.map(async (one) => {
      assert.ok(one.ok);
      const outcome = (await one.run.get())?.outcome;
      return outcome?.error?.code ?? outcome?.kind;
    }),
  );
}

describe('a function that takes batches', () => {
  it('is given as many runs as fit, and the rest when their time is over', async () => {
    const { fn, batches } = batched((items) => {
      for (const item of items) item.succeed(`got ${item.input}`);
    });
    await using runtime = await testRuntime({ functions: [fn] });
    const before = runtime.clock.mono();
    assert.deepEqual(await outcomes(runtime, fn, 5), Array(5).fill('succeeded'));
    assert.deepEqual(batches, [
      [1, 2, 3],
      [4, 5],
    ]);
    assert.ok(runtime.clock.mono() - before >= 100, 'the second waited for more');
    const [last] = (await runtime.holdfast.runs.list({ limit: 1 })).runs;
    assert.equal(await runtime.holdfast.runs.result(last?.id ?? ''), 'got 5');
  });

  it('gives each run its own verdict, by calls or by what it returns', async () => {
    const boom = new NonRetryableError('not this one', { code: 'odd.one' });
    const byCalls = batched((items) => {
      for (const item of items) {
        if (item.input % 2 === 0) item.succeed('even');
        else item.fail(boom);
      }
    });
    await using first = await testRuntime({ functions: [byCalls.fn] });
    const expected = ['odd.one', 'succeeded', 'odd.one'];
    assert.deepEqual(await outcomes(first, byCalls.fn, 3), expected);

    const returned = batched((items) =>
      items.map(({ input }) =>
        input % 2 === 0 ? { ok: true, value: 'even' } : { ok: false, error: boom },
      ),
    );
    await using second = await testRuntime({ functions: [returned.fn] });
    assert.deepEqual(await outcomes(second, returned.fn, 3), expected);
  });

  it('ends a run as soon as it has its verdict', async () => {
    const open = Promise.withResolvers<void>();
    const { fn } = batched(async ([first, ...rest]) => {
      first?.succeed('early');
      await open.promise;
      for (const item of rest) item.succeed('late');
    });
    await using runtime = await testRuntime({ functions: [fn] });
    const started = await runtime.holdfast.startMany(fn, inputs(3));
    const [early, late] = started.map((one) => (one.ok ? one.run : null));
    await runtime.advance(1);
    const { status, result } = (await early?.get()) ?? {};
    assert.deepEqual([status, result], ['done', 'early']);
    assert.equal((await late?.get())?.status, 'running');
    open.resolve();
    await runtime.runToIdle();
    assert.equal((await late?.get())?.result, 'late');
  });

  it('fails what has no verdict: with what was thrown, else by a code', async () => {
    const thrown = batched(([first]) => {
      first?.succeed('before it broke');
      throw new HoldfastError('input.invalid', 'broke');
    });
    await using first = await testRuntime({ functions: [thrown.fn] });
    const codes = ['succeeded', 'input.invalid', 'input.invalid'];
    assert.deepEqual(await outcomes(first, thrown.fn, 3), codes);

    const none = 'batch.no_verdict';
    const acts: readonly [(items: readonly BatchItem<number, string>[]) => unknown, string[]][] = [
      [([one]) => one?.succeed(''), ['succeeded', none, none]],
      [() => [{ ok: true, value: '' }], [none, none, none]],
      [() => 'done', [none, none, none]],
      [() => [{ ok: true, value: '' }, null, { ok: 'yes' }], ['succeeded', none, none]],
    ];
    for (const [act, expected] of acts) {
      const { fn } = batched(act);
      await using runtime = await testRuntime({ functions: [fn] });
      assert.deepEqual(await outcomes(runtime, fn, 3), expected);
    }
  });

  it('counts the first verdict of an item', async () => {
    const { fn } = batched((items) => {
      for (const item of items) {
        item.succeed('first');
        item.fail(new Error('second'));
      }
      return items.map(() => ({ ok: false, error: new Error('third') }));
    });
    await using runtime = await testRuntime({ functions: [fn] });
    assert.deepEqual(await outcomes(runtime, fn, 3), Array(3).fill('succeeded'));
  });

  it('tries again only the runs that failed', async () => {
    const tried: string[] = [];
    const fn = defineBatchFunction({
      name: 'add',
      batch: { max: 2, waitMs: 10 },
      retry: { attemptsMax: 3, delayMs: 1_000, jitter: 0 },
      run: (items: readonly BatchItem<number, string>[]) => {
        for (const item of items) {
          tried.push(`${item.input}:${item.attempt}`);
          if (item.input === 2 && item.attempt < 3) item.fail(new Error('not yet'));
          else item.succeed('done');
        }
      },
    });
    await using runtime = await testRuntime({ functions: [fn] });
    const started = await runtime.holdfast.startMany(fn, inputs(2));
    await runtime.runToIdle();
    for (const one of started) {
      assert.ok(one.ok);
      assert.equal(await one.run.result(), 'done');
    }
    assert.deepEqual(tried, ['1:1', '2:1', '2:2', '2:3']);
  });

  it('leaves out a run that is cancelled while it gathers', async () => {
    const { fn, batches } = batched(
      (items) => {
        for (const item of items) item.succeed('');
      },
      { max: 9, waitMs: 1_000 },
    );
    await using runtime = await testRuntime({ functions: [fn] });
    const started = await runtime.holdfast.startMany(fn, inputs(3));
    await runtime.advance(100);
    const [, second] = started;
    assert.ok(second?.ok);
    await second.run.cancel();
    await runtime.runToIdle();
    assert.equal((await second.run.outcome()).kind, 'cancelled');
    assert.deepEqual(batches, [[1, 3]]);
  });

  it('tells an item of its own end, and the batch when all are to stop', async () => {
    const heard: string[] = [];
    const begun = Promise.withResolvers<void>();
    const fn = defineBatchFunction({
      name: 'add',
      batch: { max: 2, waitMs: 10 },
      run: async (items: readonly BatchItem<number, string>[], { signal }) => {
        for (const { input, signal: own } of items) {
          own.addEventListener('abort', () => heard.push(`item ${input}`));
        }
        signal.addEventListener('abort', () => heard.push('batch'));
        begun.resolve();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        throw new Error('stopped');
      },
    });
    await using runtime = await testRuntime({ functions: [fn] });
    const started = await runtime.holdfast.startMany(fn, inputs(2));
    await runtime.advance(1);
    await begun.promise;
    const [first, second] = started;
    assert.ok(first?.ok && second?.ok);
    await first.run.cancel();
    await runtime.advance(1);
    assert.deepEqual(heard, ['item 1']);
    await second.run.cancel();
    await runtime.runToIdle();
    assert.deepEqual(heard.toSorted(), ['batch', 'item 1', 'item 2']);
    const { cancelled } = await runtime.holdfast.runs.counts();
    assert.equal(cancelled, 2);
  });

  it('is given what its schema makes of each input', async () => {
    const seen: number[] = [];
    const fn = defineBatchFunction({
      name: 'parse',
      batch: { max: 2, waitMs: 10 },
      input: z.object({ n: z.string().transform(Number) }),
      run: (items) => items.map(({ input }) => ({ ok: true, value: seen.push(input.n) })),
    });
    await using runtime = await testRuntime({ functions: [fn] });
    await runtime.holdfast.startMany(fn, [{ input: { n: '1' } }, { input: { n: '2' } }]);
    await runtime.runToIdle();
    assert.deepEqual(seen, [1, 2]);
  });
});

describe('the definition of a function that takes batches', () => {
  const run = () => undefined;
  const refused = (says: RegExp) => (error: unknown) =>
    error instanceof HoldfastError && error.code === 'request.invalid' && says.test(error.message);

  it('names what breaks a rule', () => {
    const define = (more: object) => () =>
      defineBatchFunction({ name: 'add', batch: { max: 3, waitMs: 1 }, run, ...more });
    assert.throws(define({ batch: { max: 0, waitMs: 1 } }), refused(/batch of 'add': max is 0/));
    assert.throws(define({ batch: { max: 2, waitMs: -1 } }), refused(/batch of 'add': waitMs/));
    assert.throws(define({ batch: { max: 2, waitMs: 1, size: 4 } }), refused(/no option "size"/));
    assert.throws(define({ concurrency: 2 }), refused(/a batch of 3 needs as many; raise it/));
    assert.throws(define({ run: 'no' }), refused(/run of batch of 'add'/));
    define({ concurrency: 3 })();
  });
});

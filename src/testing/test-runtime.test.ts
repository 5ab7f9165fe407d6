import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { defineFunction } from '../define-function.ts';
import { faultyStore } from './faulty-store.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { testRuntime } from './test-runtime.ts';

const double = defineFunction({ name: 'double', run: (n: number) => n * 2 });

describe('a test runtime', () => {
  it('executes a run and gives its result', async () => {
    await using runtime = await testRuntime({ functions: [double] });
    assert.equal(await runtime.run(double, 21), 42);
  });

  it('skips the delays of retries instead of waiting for them', async () => {
    const tried: number[] = [];
    const clock = new SimulatedClock();
    const flaky = defineFunction({
      name: 'flaky',
      retry: {
        attemptsMax: 3,
        backoff: 'fixed',
        delayMs: 3_600_000,
        delayMsMax: 3_600_000,
        jitter: 0,
      },
      run: (_input: null, ctx) => {
        tried.push(clock.wall());
        if (ctx.attempt < 3) throw new Error('not yet');
        return ctx.attempt;
      },
    });
    await using runtime = await testRuntime({ functions: [flaky], clock });
    assert.equal(await runtime.run(flaky, null), 3);
    const [first = 0, second = 0, third = 0] = tried;
    assert.equal(second - first, 3_600_000);
    assert.equal(third - second, 3_600_000);
  });

  it('does nothing with a run that is due later before time is moved', async () => {
    await using runtime = await testRuntime({ functions: [double] });
    const run = await runtime.start(double, 4, { delayMs: 60_000 });
    await runtime.advance(59_000);
    assert.equal((await run.get())?.status, 'queued');
    await runtime.advance(2_000);
    assert.equal(await runtime.assertSucceeded(run), 8);
  });

  it('says why a run does not move when time is up', async () => {
    await using runtime = await testRuntime({ functions: [double] });
    await runtime.holdfast.lanes.pause('printer');
    await runtime.start(double, 1, { lane: 'printer' });
    await assert.rejects(runtime.runToIdle({ virtualMsMax: 60_000 }), (error: Error) => {
      assert.match(error.message, /1 run\(s\) have not ended after 60000 ms: .*paused/);
      return true;
    });
  });

  it('says what a run did in place of what was asserted', async () => {
    const broken = defineFunction({
      name: 'broken',
      retry: false,
      run: () => {
        throw Object.assign(new Error('no paper'), { code: 'printer.empty' });
      },
    });
    await using runtime = await testRuntime({ functions: [broken] });
    const run = await runtime.start(broken, null);
    await runtime.runToIdle();
    const { error } = await runtime.assertEnded(run, 'failed');
    assert.equal(error?.code, 'printer.empty');
    await assert.rejects(runtime.assertSucceeded(run), {
      message: `run '${run.id}' should have succeeded, but it has failed: printer.empty: no paper`,
    });
  });

  it('ends an attempt that takes too long on the simulated clock', async () => {
    const hangs = defineFunction({
      name: 'hangs',
      retry: false,
      timeouts: { attemptMs: 600_000 },
      run: (_input: null, ctx) =>
        new Promise((_resolve, reject) => {
          ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason));
        }),
    });
    await using runtime = await testRuntime({ functions: [hangs] });
    const run = await runtime.start(hangs, null);
    const from = runtime.clock.mono();
    await runtime.runToIdle();
    await runtime.assertEnded(run, 'timed-out');
    assert.equal(runtime.clock.mono() - from, 600_000);
  });

  it('gives handlers that wait for something real the time that they need', async () => {
    const reads = defineFunction({
      name: 'reads',
      timeouts: { attemptMs: 1_000 },
      run: async () => (await readFile(fileURLToPath(import.meta.url), 'utf8')).length,
    });
    await using runtime = await testRuntime({ functions: [reads], realMs: 5_000 });
    assert.ok((await runtime.run(reads, null)) > 0);
  });

  it('comes to the same end when ends fail before the commit and answers get lost', async () => {
    const faults = ['before', 'before', 'after'] as const;
    let ends = 0;
    await using runtime = await testRuntime({
      functions: [double],
      wrap: (store) =>
        faultyStore(store, {
          decide: ({ verb }) => {
            if (verb !== 'end') return null;
            const fail = faults[ends];
            ends += 1;
            return fail === undefined ? null : { fail };
          },
        }),
    });
    assert.equal(await runtime.run(double, 5), 10);
    assert.equal(ends, 3);
    assert.equal((await runtime.holdfast.runs.counts()).succeeded, 1);
  });

  it('draws the same ids from the same seed', async () => {
    const ids = async (seed: number): Promise<string> => {
      await using runtime = await testRuntime({ functions: [double], seed });
      return (await runtime.start(double, 1)).id;
    };
    assert.equal(await ids(3), await ids(3));
    assert.notEqual(await ids(3), await ids(4));
  });

  it('closes while a handler executes that never ends by itself', async () => {
    const stubborn = defineFunction({ name: 'stubborn', run: () => new Promise(() => {}) });
    const runtime = await testRuntime({ functions: [stubborn] });
    await runtime.start(stubborn, null);
    await runtime.advance(10);
    assert.equal(runtime.holdfast.stats().running, 1);
    await runtime.close();
    await assert.rejects(runtime.start(stubborn, null), { code: 'store.closed' });
  });
});

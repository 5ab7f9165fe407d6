import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { HoldfastError } from '../../src/core/errors.ts';
import { NonRetryableError, RetryAtError } from '../../src/core/handler-error.ts';
import { limits } from '../../src/core/limits.ts';
import { defineFunction } from '../../src/define-function.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import { type ActorOptions, Scene } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

/** One attempt: its context, and how the test ends it. */
interface Call {
  readonly input: unknown;
  readonly ctx: RunContext;
  readonly end: PromiseWithResolvers<unknown>;
}

/** A function whose attempts the test ends by hand. */
function byHand(options: Partial<Parameters<typeof defineFunction>[0]> = {}) {
  const calls: Call[] = [];
  const fn = defineFunction({
    name: 'hand',
    retry: { attemptsMax: 3, backoff: 'fixed', delayMs: 100, jitter: 0 },
    ...options,
    run: (input: unknown, ctx: RunContext) => {
      const end = Promise.withResolvers<unknown>();
      calls.push({ input, ctx, end });
      return end.promise;
    },
  });
  const call = (index: number): Call => {
    const found = calls[index];
    assert.ok(found !== undefined, `attempt ${index + 1} has not begun`);
    return found;
  };
  return { fn, calls, call };
}

/** Lets the claim that takes the first run be answered so much later. */
function slowClaim(answerDelayMs: number): NonNullable<ActorOptions['fault']> {
  let slow = false;
  return ({ verb }) => {
    if (verb === 'start') slow = true;
    if (verb !== 'claim' || !slow) return null;
    slow = false;
    return { answerDelayMs };
  };
}

describe('an attempt', () => {
  it('gives the handler its input and context, and its result to whoever waits', async () => {
    const { fn, call } = byHand();
    const { hf } = await scene.open({ functions: [fn] });
    const tags = ['a', 'b'];
    const run = await hf.start(fn, { n: 1 }, { tenant: 't', lane: 'l', tags, deadlineMs: 60_000 });
    await scene.pass(1);
    const { input, ctx } = call(0);
    assert.deepEqual(input, { n: 1 });
    assert.deepEqual(
      [ctx.runId, ctx.attempt, Number(ctx.fence), ctx.tenant, ctx.lane, ctx.tags],
      [run.id, 1, 1, 't', 'l', tags],
    );
    assert.equal(ctx.deadlineAt, scene.clock.wall() - 1 + 60_000);
    assert.equal(ctx.signal.aborted, false);
    const result = run.result();
    call(0).end.resolve({ done: true });
    assert.deepEqual(await result, { done: true });
    assert.deepEqual(await run.outcome(), { kind: 'succeeded', error: null });
  });

  it('takes undefined for null, and whatever JSON makes of a result for the result', async () => {
    const { fn, call } = byHand();
    const { hf } = await scene.open({ functions: [fn] });
    const ends: [unknown, unknown][] = [
      [undefined, null],
      [new Date(0), '1970-01-01T00:00:00.000Z'],
      [{ a: undefined, b: 1 }, { b: 1 }],
    ];
    for (const [index, [given, kept]] of ends.entries()) {
      const run = await hf.start(fn, index);
      await scene.pass(1);
      call(index).end.resolve(given);
      assert.deepEqual(await run.result(), kept);
    }
  });

  it('fails for good when its result cannot be kept', async () => {
    const { fn, call, calls } = byHand();
    const { hf } = await scene.open({ functions: [fn] });
    const results = [10n, 'x'.repeat(limits.resultBytesMax)];
    for (const [index, value] of results.entries()) {
      const run = await hf.start(fn, index);
      await scene.pass(1);
      call(index).end.resolve(value);
      const { kind, error } = await run.outcome();
      const code = index === 0 ? 'payload.not_json' : 'payload.too_large';
      assert.deepEqual([kind, error?.code], ['failed', code]);
    }
    assert.equal(calls.length, 2);
  });

  it('is tried again after its delay, and fails when the budget is spent', async () => {
    const { fn, call, calls } = byHand();
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 0);
    await scene.pass(1);
    for (const attempt of [1, 2]) {
      call(attempt - 1).end.reject(new Error(`no ${attempt}`));
      await scene.pass(99);
      assert.equal(calls.length, attempt);
      await scene.pass(10);
      assert.equal(calls.length, attempt + 1);
    }
    call(2).end.reject(Object.assign(new Error('no 3'), { code: 'E_NO' }));
    const { kind, error } = await run.outcome();
    assert.deepEqual([kind, error?.code, error?.message], ['failed', 'E_NO', 'no 3']);
    const kept = await run.get();
    assert.deepEqual(
      kept?.attempts.map(({ end, error }) => [end, error?.message]),
      [
        ['failed', 'no 1'],
        ['failed', 'no 2'],
        ['failed', 'no 3'],
      ],
    );
    assert.equal(hf.stats().retried, 2);
  });

  it('obeys errors that forbid or date the next try', async () => {
    const { fn, call, calls } = byHand();
    const { hf } = await scene.open({ functions: [fn] });
    const never = await hf.start(fn, 0);
    await scene.pass(1);
    call(0).end.reject(new NonRetryableError('declined', { code: 'card.declined' }));
    assert.equal((await never.outcome()).error?.code, 'card.declined');
    await hf.start(fn, 1);
    await scene.pass(1);
    call(1).end.reject(new RetryAtError('busy', { afterMs: 5_000 }));
    await scene.pass(4_990);
    assert.equal(calls.length, 2);
    await scene.pass(20);
    assert.equal(calls.length, 3);
    call(2).end.reject(new RetryAtError('busy', { at: new Date(scene.clock.wall() + 9_000) }));
    await scene.pass(8_990);
    assert.equal(calls.length, 3);
    await scene.pass(20);
    assert.equal(calls.length, 4);
  });

  it('survives handlers that throw at once, throw nothing, or return odd things', async () => {
    const { hf, said } = await scene.open({
      functions: [
        defineFunction({
          name: 'odd',
          retry: false,
          run: (how: string): unknown => {
            if (how === 'sync') throw new Error('at once');
            if (how === 'nothing') throw undefined;
            if (how === 'then-throws') {
              // biome-ignore lint/suspicious/noThenProperty: handlers may return anything.
              return { then: () => assert.fail('then') };
            }
            if (how === 'then-getter') {
              return Object.defineProperty({}, 'then', { get: () => assert.fail('getter') });
            }
            // biome-ignore lint/suspicious/noThenProperty: handlers may return anything.
            return { then: (tell: (value: unknown) => void) => [tell('one'), tell('two')] };
          },
        }),
      ],
    });
    const messages: (string | undefined)[] = [];
    for (const how of ['sync', 'nothing', 'then-throws', 'then-getter', 'twice']) {
      const run = await hf.start('odd', how);
      await scene.pass(1);
      messages.push((await run.outcome()).error?.message);
    }
    assert.deepEqual(messages, [
      'at once',
      'the handler threw undefined',
      'then',
      'getter',
      undefined,
    ]);
    assert.deepEqual(said, []);
    assert.equal(hf.stats().running, 0);
  });
});

describe('an attempt that is told to stop', () => {
  it('ends as cancelled when its code gives up after the signal', async () => {
    const { fn, call } = byHand();
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 0);
    await scene.pass(1);
    const { signal } = call(0).ctx;
    assert.deepEqual(await run.cancel('not needed'), { state: 'stopping' });
    await scene.pass(1);
    assert.ok(signal.aborted && signal.reason instanceof HoldfastError);
    assert.deepEqual([signal.reason.code, signal.reason.message], ['run.cancelled', 'not needed']);
    call(0).end.reject(signal.reason);
    const { kind, error } = await run.outcome();
    assert.deepEqual([kind, error?.message], ['cancelled', 'not needed']);
  });

  it('hands a signal that is aborted already to code that asks late', async () => {
    const { fn, call } = byHand();
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 0);
    await scene.pass(1);
    await run.cancel();
    await scene.pass(1);
    assert.equal(call(0).ctx.signal.aborted, true);
    call(0).end.reject(new Error('given up'));
    assert.equal((await run.outcome()).kind, 'cancelled');
  });

  it('ends as succeeded when it succeeds within its grace', async () => {
    const { fn, call } = byHand({ timeouts: { graceMs: 1_000 } });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 0);
    await scene.pass(1);
    await run.cancel();
    await scene.pass(900);
    call(0).end.resolve('done all the same');
    assert.equal(await run.result(), 'done all the same');
  });

  it('ends after its grace when its code goes on, and keeps slot and lane (G5, G4)', async () => {
    const { fn, call, calls } = byHand({ timeouts: { graceMs: 1_000 } });
    const { hf, said } = await scene.open({ functions: [fn], slots: 2 });
    const run = await hf.start(fn, 0, { lane: 'l' });
    const next = await hf.start(fn, 1, { lane: 'l' });
    await scene.pass(1);
    await run.cancel();
    await scene.pass(999);
    assert.equal((await run.get())?.outcome, null);
    await scene.pass(10);
    assert.equal((await run.outcome()).kind, 'cancelled');
    assert.deepEqual([hf.stats().running, hf.stats().stuck], [1, 1]);
    assert.match(said[0]?.message ?? '', /ignores its signal/);
    await scene.pass(10_000);
    assert.equal(calls.length, 1, 'the lane is held while the code goes on');
    assert.match((await hf.runs.explain(next.id)).sentence, /whose code has not stopped yet/);
    call(0).end.resolve('too late');
    await scene.pass(1);
    assert.equal(calls.length, 2);
    assert.deepEqual([hf.stats().running, hf.stats().stuck], [1, 0]);
    assert.equal((await run.outcome()).kind, 'cancelled');
    call(1).end.resolve(null);
  });

  it('is signalled when its own time is over, and tried again', async () => {
    const { fn, call, calls } = byHand({ timeouts: { attemptMs: 500, graceMs: 100 } });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 0);
    await scene.pass(499);
    const { signal } = call(0).ctx;
    assert.equal(signal.aborted, false);
    await scene.pass(2);
    assert.equal(signal.reason.code, 'attempt.timed_out');
    call(0).end.reject(signal.reason);
    await scene.pass(120);
    assert.equal(calls.length, 2);
    await scene.pass(1_000);
    call(1).end.reject(new Error('late'));
    await scene.pass(1_000);
    call(2).end.reject(new Error('late'));
    const { kind, error } = await run.outcome();
    assert.deepEqual([kind, error?.code], ['timed-out', 'attempt.timed_out']);
  });

  it('is signalled before others give it up, however late its claim was answered', async () => {
    const { fn, call, calls } = byHand({ timeouts: { attemptMs: 10_000, graceMs: 500 } });
    const fault = slowClaim(4_500);
    const { hf } = await scene.open({ functions: [fn], leaseTtlMs: 60_000, fault });
    const run = await hf.start(fn, null);
    while (calls.length === 0) await scene.pass(100);
    assert.equal((await hf.runs.get(run.id))?.status, 'running');
    await scene.pass(6_800);
    assert.equal(call(0).ctx.signal.aborted, false);
    await scene.pass(300);
    assert.equal(call(0).ctx.signal.aborted, true, 'three seconds of the ten went by on the way');
    assert.equal(calls.length, 1);
    call(0).end.resolve('in the grace');
    assert.deepEqual(await run.outcome(), { kind: 'succeeded', error: null });
  });

  it('goes back untouched when most of its time went by on the way', async () => {
    const { fn, call, calls } = byHand({
      timeouts: { attemptMs: 2_000, graceMs: 0 },
      retry: false,
    });
    const fault = slowClaim(2_500);
    const { hf } = await scene.open({ functions: [fn], leaseTtlMs: 60_000, fault });
    const run = await hf.start(fn, null);
    while (calls.length === 0) await scene.pass(100);
    assert.equal(hf.stats().handedBack, 1);
    assert.equal(call(0).ctx.attempt, 2);
    call(0).end.resolve(1);
    assert.deepEqual(await run.outcome(), { kind: 'succeeded', error: null });
  });

  it('ends for good when the total time is over', async () => {
    const { fn, call } = byHand({ timeouts: { attemptMs: 60_000, totalMs: 2_000, graceMs: 100 } });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 0);
    await scene.pass(1_990);
    const { signal } = call(0).ctx;
    assert.equal(signal.aborted, false);
    await scene.pass(20);
    assert.equal(signal.reason.code, 'run.deadline_passed');
    await scene.pass(110);
    const { kind, error } = await run.outcome();
    assert.deepEqual([kind, error?.code], ['timed-out', 'run.deadline_passed']);
    call(0).end.resolve(null);
  });

  it('never begins when it was cancelled while its input was still being checked', async () => {
    const slow = Promise.withResolvers<void>();
    let checks = 0;
    let called = false;
    const validate = async (value: unknown) => {
      checks += 1;
      // The first check is that of the caller, the second that of the attempt.
      if (checks > 1) await slow.promise;
      return { value };
    };
    const fn = defineFunction({
      name: 'slow-check',
      input: { '~standard': { version: 1, vendor: 'test', validate } },
      run: () => {
        called = true;
      },
    });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start('slow-check', 1);
    await scene.pass(1);
    assert.equal(checks, 2);
    await run.cancel('no');
    await scene.pass(1);
    slow.resolve();
    assert.equal((await run.outcome()).kind, 'cancelled');
    assert.equal(called, false);
  });
});

describe('what an attempt leaves behind', () => {
  it('is kept: log lines in order, and the last progress', async () => {
    const { fn, call } = byHand();
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 0);
    await scene.pass(1);
    const { log, progress } = call(0).ctx;
    log.info('begun', { files: 2 });
    progress({ done: 1 });
    await scene.pass(1);
    log.warn('odd');
    progress({ done: 2 });
    call(0).end.resolve(null);
    await run.result();
    const { lines, dropped } = await hf.runs.logs(run.id);
    assert.deepEqual(
      lines.map(({ level, message, fields, attempt }) => [level, message, fields, attempt]),
      [
        ['info', 'begun', { files: 2 }, 1],
        ['warn', 'odd', null, 1],
      ],
    );
    assert.equal(dropped, 0);
    assert.deepEqual((await run.get())?.progress, { done: 2 });
  });

  it('is bounded, and what goes over is counted', async () => {
    const { fn, call } = byHand();
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 0);
    await scene.pass(1);
    const { log, progress } = call(0).ctx;
    const over = 25;
    for (let n = 0; n < limits.logLinesMax + over; n += 1) log.debug(`line ${n}`);
    assert.throws(() => progress('x'.repeat(limits.progressBytesMax)), {
      code: 'payload.too_large',
    });
    call(0).end.resolve(null);
    await run.result();
    assert.equal((await run.get())?.logLines, limits.logLinesMax);
    assert.equal(hf.stats().logLinesDropped, over);
  });

  it('cuts long lines and replaces fields that cannot be kept', async () => {
    const { fn, call } = byHand();
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 0);
    await scene.pass(1);
    const { log } = call(0).ctx;
    log.info('x'.repeat(20_000), { big: 1n });
    log.info(undefined as unknown as string, { text: 'y'.repeat(20_000) });
    call(0).end.resolve(null);
    await run.result();
    const { lines } = await hf.runs.logs(run.id);
    assert.equal(lines[0]?.message.length, limits.logLineCharsMax);
    assert.deepEqual(lines[0]?.fields, { dropped: 'fields that cannot be written as JSON' });
    assert.equal(lines[1]?.message, 'undefined');
    assert.deepEqual(lines[1]?.fields, { dropped: 'fields of 20011 characters' });
  });

  it('is nothing once it has ended', async () => {
    const { fn, call } = byHand({ timeouts: { graceMs: 10 } });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 0);
    await scene.pass(1);
    await run.cancel();
    await scene.pass(20);
    call(0).ctx.log.info('still here');
    call(0).ctx.progress(1);
    await scene.pass(20);
    assert.deepEqual((await hf.runs.logs(run.id)).lines, []);
    call(0).end.resolve(null);
  });
});

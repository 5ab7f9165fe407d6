/** What must not grow, leak or pile up, however calls come and go. */
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { defineFunction, HoldfastError } from 'holdfast';
import { Switchboard } from '../../src/engine/calls/switchboard.ts';
import { FunctionTimes } from '../../src/engine/meters.ts';
import { silentLog } from '../../src/ports/log.ts';
import type { Tracing } from '../../src/ports/tracing.ts';
import { callTarget } from '../../src/runtime/calls/call-target.ts';
import { callsSettings } from '../../src/runtime/calls/options.ts';
import { FrameWriter } from '../../src/stdio/frame-writer.ts';
import { SimulatedClock, seededRandom } from '../../src/testing/index.ts';
import { settle } from '../../src/testing/simulated-clock.ts';
import { held, watchedFunctions } from './functions.ts';
import { called, StdioScene } from './scene.ts';

describe('lanes and tenants', () => {
  it('that nobody uses are forgotten, but for some', () => {
    const world = { clock: new SimulatedClock(), random: seededRandom(1), log: silentLog };
    const board = new Switchboard(world, callsSettings(), new FunctionTimes());
    const fn = defineFunction({
      ...{ name: 'fn', lane: (n: number) => `lane-${n}`, tenant: (n: number) => `tenant-${n}` },
      run: (n: number) => n,
    });
    board.routes.set('fn', callTarget(fn, { clock: world.clock, timeoutMs: 60_000, before: null }));
    let answers = 0;
    const sink = {
      answered: () => {
        answers += 1;
      },
    };
    for (let n = 0; n < 5_000; n += 1) {
      assert.ok(!(board.submit({ name: 'fn', input: n }, sink) instanceof HoldfastError));
    }
    assert.equal(answers, 5_000);
    assert.ok([...board.lanes()].length <= 1_024);
    const { lanes, tenants, queued, running, deadlines } = board.gauges();
    assert.deepEqual([lanes, tenants, queued, running, deadlines], [0, 0, 0, 0, 0]);
  });
});

describe('slots', () => {
  it('come back from calls that are cancelled between their turn and their beginning', async () => {
    const watched = watchedFunctions();
    const one = held(watched, 'one', { concurrency: 1 });
    const scene = await StdioScene.open({
      functions: [...watched.functions, one],
      calls: { slots: 2, tenant: { runningMax: 1 } },
    });
    const { hf } = scene;
    const code = (error: { code: string }): string => error.code;
    const call = (fn: string, id: string, tenant: string): Promise<unknown> =>
      hf.call(fn, null, { id, tenant }).catch(code);
    hf.calls.serve(
      defineFunction({ name: 'cancels', run: () => hf.calls.cancel('c', 'by its neighbour') }),
    );
    void call('one', 'a', 't');
    // One waits for the tenant of `a`, the other for its function: both are let in at once.
    const cancels = call('cancels', 'b', 't');
    const cancelled = call('one', 'c', 'u');
    watched.meet('a').resolve();
    assert.deepEqual([await cancels, await cancelled], [true, 'call.cancelled']);
    for (const id of ['d', 'e']) void call('free', id, id);
    assert.deepEqual(watched.begun, ['a', 'd', 'e']);
    for (const id of ['d', 'e']) watched.meet(id).resolve();
    await scene.close();
  });

  it('are passed on in a loop, and not ever deeper', async () => {
    const watched = watchedFunctions();
    const scene = await StdioScene.open({ functions: watched.functions });
    scene.hf.calls.serve(defineFunction({ name: 'quick', lane: 'hold', run: (n: number) => n }));
    const first = scene.hf.call('hold', null, { id: 'first' });
    const count = 10_000;
    const quick = Array.from({ length: count }, (_, n) => scene.hf.call('quick', n));
    watched.meet('first').resolve();
    await first;
    assert.equal((await Promise.all(quick)).length, count);
    await scene.close();
  });
});

describe('a call', () => {
  it('that answers before its code settles has the rest of its time for that', async () => {
    const watched = watchedFunctions();
    const scene = await StdioScene.open({ functions: watched.functions });
    const early = defineFunction({
      ...{ name: 'early', lane: 'early', timeouts: { graceMs: 50 } },
      run: async (_: unknown, ctx) => {
        ctx.later().succeed('early');
        await watched.meet('late').promise;
      },
    });
    scene.hf.calls.serve(early);
    await scene.send(called('u', 'early', 1), called('v', 'early', 60));
    assert.equal(scene.body('u'), '"early"');
    assert.equal(scene.status('v'), null);
    assert.equal(scene.hf.calls.stats().stuck, 0);
    await scene.pass(1_100);
    assert.equal(scene.hf.calls.stats().stuck, 1);
    assert.ok(scene.logged.some(({ message }) => /goes on although/.test(message)));
    watched.meet('late').resolve();
    await scene.send();
    assert.equal(scene.status('v'), 200);
    const { stuck, late, deadlines } = scene.hf.calls.stats();
    assert.deepEqual([stuck, late, deadlines], [0, 0, 0]);
    await scene.close();
  });

  it('that waits is not begun when all are given up', async () => {
    const watched = watchedFunctions();
    const scene = await StdioScene.open({ functions: watched.functions });
    const ends = ['a', 'b'].map((id) =>
      assert.rejects(scene.hf.call('later', null, { id }), { code: 'call.cancelled' }),
    );
    await scene.hf.drain({ graceMs: 0 });
    await Promise.all(ends);
    assert.deepEqual(watched.begun, ['a']);
    await scene.close();
  });
});

describe('a trace', () => {
  it('has a span for each call while somebody records, and an end for each span', async () => {
    const told: string[] = [];
    const tracing: Tracing = {
      on: true,
      begin: ({ name }) => ({
        trace: '00-trace',
        within: (work) => work(),
        set: () => {},
        end: (error) => void told.push(`${name} ${error === null ? 'done' : error.code}`),
      }),
    };
    const clock = new SimulatedClock();
    const world = { clock, random: seededRandom(1), log: silentLog, tracing };
    const board = new Switchboard(world, callsSettings(), new FunctionTimes());
    const traced = defineFunction({ name: 'traced', run: (_: null, ctx) => ctx.traceparent });
    const broken = defineFunction({ name: 'broken', run: () => Promise.reject(new Error('x')) });
    const surroundings = { clock, timeoutMs: 60_000, before: null };
    for (const fn of [traced, broken]) board.routes.set(fn.name, callTarget(fn, surroundings));
    const answers: unknown[] = [];
    const sink = { answered: (_: string, value: unknown) => void answers.push(value) };
    board.submit({ name: 'traced', input: null }, sink);
    board.submit({ name: 'broken', input: null }, sink);
    await settle();
    assert.equal(answers[0], '00-trace');
    assert.deepEqual(told, ['call traced done', 'call broken call.failed']);
  });
});

describe('the writer', () => {
  it('gives up on an agent that reads nothing, once, and keeps nothing', async () => {
    const stalled = new Writable({ highWaterMark: 1, write: () => {} });
    const failures: string[] = [];
    const writer = new FrameWriter(stalled, 1_000, ({ message }) => void failures.push(message));
    for (let n = 0; n < 10; n += 1) writer.write('x'.repeat(100));
    await settle();
    assert.deepEqual(failures, []);
    const flushed = writer.flush();
    for (let n = 0; n < 10; n += 1) writer.write('x');
    await flushed;
    assert.equal(failures.length, 1);
    assert.match(failures[0] ?? '', /reads nothing/);
    assert.equal(writer.broken, true);
  });

  it('writes everything in its order, in few pieces', async () => {
    let [text, writes] = ['', 0];
    const output = new Writable({
      write(piece, _encoding, done) {
        text += String(piece);
        writes += 1;
        setImmediate(done);
      },
    });
    const writer = new FrameWriter(output, 1_000_000, () => assert.fail('it does not fail'));
    const frames = Array.from({ length: 1_000 }, (_, n) => `frame ${n}\n`);
    const big = `${'x'.repeat(100_000)}\n`;
    for (const frame of frames) writer.write(frame);
    writer.write(big);
    for (const frame of frames) writer.write(frame);
    await writer.flush();
    assert.equal(text, frames.join('') + big + frames.join(''));
    assert.ok(writes <= 4, `${writes} writes`);
    assert.equal(writer.backlog, 0);
  });
});

/** Scenarios 56 to 65: how it all ends, deadlines, hand-offs and what is measured. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { defineFunction } from 'holdfast';
import { HandOff } from '../../src/engine/calls/hand-off.ts';
import { SimulatedClock } from '../../src/testing/index.ts';
import { settle } from '../../src/testing/simulated-clock.ts';
import { Metrics } from '../http/exposition-reader.ts';
import { type Watched, watchedFunctions } from './functions.ts';
import { called, cancelled, type SceneOptions, StdioScene } from './scene.ts';

let watched: Watched;
let scene: StdioScene;

async function reopen(options: SceneOptions = {}): Promise<void> {
  await scene?.close();
  watched = watchedFunctions();
  scene = await StdioScene.open({ functions: watched.functions, ...options });
}

beforeEach(() => reopen());
afterEach(async () => {
  for (const id of watched.begun) watched.meet(id).resolve();
  await scene.close();
});

describe('the end of a conversation', () => {
  it('56. answers whoever does not end in the bound, and nothing more', async () => {
    await reopen({ drainMs: 50 });
    await scene.send(called('tx1', 'hold'));
    await scene.endInput();
    await scene.pass(60);
    assert.equal(scene.status('tx1'), 499);
    watched.meet('tx1').resolve();
    await scene.pass(10);
    assert.equal(scene.status('tx1'), 499);
    assert.equal(scene.ended, 'eof');
  });

  it('57. waits for an answer that was promised for later, within the bound', async () => {
    await scene.send(called('tx1', 'later'), called('tx2', 'later'));
    await scene.endInput();
    assert.deepEqual(scene.results, []);
    watched.laters.get('tx1')?.succeed('in time');
    await scene.pass(100);
    assert.equal(scene.body('tx1'), '"in time"');
    // The second began when the lane was free, and nobody ever answers it.
    await scene.pass(8_000);
    assert.equal(scene.status('tx2'), 499);
    assert.equal(scene.ended, 'eof');
  });

  it('58. lets calls that wait be executed after QUIT, and tells the host once', async () => {
    const uids = ['a', 'b'];
    await scene.send(called('first', 'hold'), ...uids.map((uid) => called(uid, 'hold')), 'QUIT\n');
    for (const uid of ['first', ...uids]) {
      watched.meet(uid).resolve();
      await scene.send();
    }
    assert.deepEqual(
      ['first', ...uids].map((uid) => scene.status(uid)),
      [200, 200, 200],
    );
    await scene.pass(1);
    assert.equal(scene.ended, 'quit');
    assert.equal(scene.quits, 1);
  });

  it('59. is heard while the queue is full, as cancels are', async () => {
    await reopen({ calls: { slots: 1, queueMax: 1 } });
    await scene.send(called('a', 'free'), called('b', 'free'), called('c', 'free'), cancelled('b'));
    assert.deepEqual([scene.status('c'), scene.status('b')], [503, 499]);
    await scene.send(called('d', 'free'), called('e', 'free'), 'QUIT');
    await scene.endInput();
    assert.equal(scene.quits, 1);
    watched.meet('a').resolve();
    watched.meet('d').resolve();
    await scene.pass(10);
    assert.deepEqual(
      ['a', 'd', 'e'].map((uid) => scene.status(uid)),
      [200, 200, 503],
    );
    assert.equal(scene.ended, 'quit');
  });

  it('60. may be a kill: nothing is kept that could be lost', async () => {
    const { hf } = scene;
    await scene.send(called('a', 'echo'), called('b', 'hold'));
    assert.equal((await hf.runs.counts()).done, 0);
    assert.deepEqual((await hf.runs.list()).runs, []);
  });
});

describe('deadlines', () => {
  it('61. are answered with 504, and the lane is free when the code has settled', async () => {
    await scene.send(called('tx1', 'hold', 1), called('tx2', 'hold', 60));
    await scene.pass(990);
    assert.equal(scene.status('tx1'), null);
    await scene.pass(30);
    assert.equal(scene.status('tx1'), 504);
    assert.equal(scene.hf.calls.stats().stuck, 1);
    assert.deepEqual(watched.begun, ['tx1']);
    watched.meet('tx1').resolve();
    await scene.send();
    assert.deepEqual(watched.begun, ['tx1', 'tx2']);
    assert.equal(scene.hf.calls.stats().stuck, 0);
    await scene.send(called('tx3', 'obey', 1));
    await scene.pass(1_020);
    assert.equal(scene.status('tx3'), 504);
    assert.equal(scene.hf.calls.stats().late, 2);
  });

  it('move when somebody watches, and when code reports, if it may', async () => {
    scene.hf.calls.serve(
      defineFunction({
        ...{ name: 'slow', call: { progressExtendsMs: 2_000 } },
        run: async (_: unknown, ctx) => {
          await watched.meet('half').promise;
          ctx.progress({ done: 1, all: 2 });
          await watched.meet('whole').promise;
          return 'whole';
        },
      }),
    );
    await scene.send(called('watched', 'hold', 1), called('slow', 'slow', 1));
    await scene.pass(900);
    watched.meet('half').resolve();
    await scene.send('FUNCTION_PROGRESS watched\n');
    await scene.pass(1_900);
    assert.deepEqual([scene.status('watched'), scene.status('slow')], [null, null]);
    assert.ok(scene.lines.includes('FUNCTION_PROGRESS slow 1 2'));
    watched.meet('whole').resolve();
    await scene.send();
    assert.equal(scene.status('slow'), 200);
    await scene.pass(8_200);
    assert.equal(scene.status('watched'), 504);
  });
});

describe('a sign that somebody watches', () => {
  it('never takes time away', async () => {
    await scene.send(called('u', 'hold', 60), 'FUNCTION_PROGRESS u\n');
    await scene.pass(30_000);
    assert.equal(scene.status('u'), null);
    await scene.pass(30_100);
    assert.equal(scene.status('u'), 504);
  });
});

describe('hand-offs', () => {
  it('62. say in time whether somebody took it', async () => {
    const clock = new SimulatedClock();
    const roomy = new HandOff<string>(clock, 1);
    assert.equal(await roomy.offer('has room'), 'taken');
    assert.equal(await roomy.take(), 'has room');
    const place = new HandOff<string>(clock, 0);
    const taken = place.take();
    assert.equal(await place.offer('is waited for'), 'taken');
    assert.equal(await taken, 'is waited for');
    assert.equal(await place.offer('x', { signal: AbortSignal.abort() }), 'withdrawn');
    const late = place.offer('nobody', { withinMs: 20 });
    await clock.advance(20);
    assert.equal(await late, 'timed-out');
    const standard = place.offer('nobody');
    await clock.advance(1_000);
    assert.equal(await standard, 'timed-out');
    assert.equal(await place.offer('expired', { deadlineAt: clock.wall() - 1 }), 'withdrawn');
    const bounded = place.offer('bounded', { deadlineAt: clock.wall() + 30 });
    await clock.advance(30);
    assert.equal(await bounded, 'withdrawn');
    const controller = new AbortController();
    const aborted = place.offer('aborted', { signal: controller.signal });
    controller.abort();
    assert.equal(await aborted, 'withdrawn');
    const waiting = place.offer('in line');
    assert.equal(await place.take(), 'in line');
    assert.equal(await waiting, 'taken');
    const leaving = new AbortController();
    const left = place.take({ signal: leaving.signal });
    leaving.abort(new Error('not any more'));
    await assert.rejects(left, /not any more/);
    await assert.rejects(place.take({ signal: leaving.signal }), /not any more/);
    const nobody = place.offer('for nobody', { withinMs: 10 });
    await clock.advance(10);
    assert.equal(await nobody, 'timed-out', 'whoever has left takes nothing');
    const last = place.take();
    place.close();
    assert.deepEqual([await last, await place.take()], [null, null]);
  });

  it('63. answer 503 when downstream is busy, and when it stops', async () => {
    const place = scene.hf.calls.handOff<string>(0);
    scene.hf.calls.serve(
      defineFunction({
        name: 'pass-on',
        run: (_: unknown, ctx) => place.hand(ctx.runId, { signal: ctx.signal }),
      }),
    );
    await scene.send(called('u1', 'pass-on'));
    await scene.pass(1_000);
    assert.match(scene.body('u1'), /try again/);
    assert.equal(scene.status('u1'), 503);
    await scene.send(called('u2', 'pass-on'));
    place.close();
    await settle(3);
    assert.equal(scene.status('u2'), 503);
    assert.match(scene.body('u2'), /shutting down/);
  });
});

describe('metrics', () => {
  it('64. count what happened, and gauges end at nothing', async () => {
    await reopen({ calls: { slots: 1, queueMax: 1 } });
    await scene.send(called('tx1', 'free'), called('tx2', 'free'), called('tx3', 'free'));
    await scene.send(called('tx1', 'free'), cancelled('tx1'));
    await scene.pass(80);
    await scene.send(called('tx1', 'free'));
    watched.meet('tx1').resolve();
    await scene.send();
    watched.meet('tx2').resolve();
    await scene.send();
    const metrics = new Metrics(await scene.hf.metrics());
    const value = (name: string, labels = {}): number => metrics.value(name, labels) ?? -1;
    assert.ok(value('holdfast_calls_refused_total', { why: 'full' }) >= 1);
    assert.ok(value('holdfast_call_cancels_forced_total') >= 1);
    assert.ok(value('holdfast_call_late_results_total') >= 1);
    assert.ok(value('holdfast_calls_refused_total', { why: 'duplicate' }) >= 2);
    for (const state of ['queued', 'running', 'awaiting-result']) {
      assert.equal(value('holdfast_calls_live', { state }), 0);
    }
    assert.equal(value('holdfast_calls_stuck'), 0);
    assert.equal(metrics.count('holdfast_call_duration_seconds', { function: 'free' }), 2);
  });

  it('65. are there at the start, and end with the runtime', async () => {
    const metrics = new Metrics(await scene.hf.metrics());
    assert.equal(metrics.value('holdfast_calls_admitted_total'), 0);
    await scene.close();
    const { deadlines, queued, running, awaiting } = scene.hf.calls.stats();
    assert.deepEqual([deadlines, queued, running, awaiting], [0, 0, 0, 0]);
  });
});

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { defineFunction } from '../../src/define-function.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import { Scene, verbsOf, watched } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

interface Call {
  readonly input: unknown;
  readonly ctx: RunContext;
  readonly end: PromiseWithResolvers<unknown>;
}

function byHand(graceMs = 1_000) {
  const calls: Call[] = [];
  const fn = defineFunction({
    name: 'hand',
    timeouts: { graceMs },
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

describe('draining', () => {
  it('lets what runs end within the grace, claims no more, and leaves', async () => {
    const { fn, call, calls } = byHand();
    const { hf } = await scene.open({ functions: [fn], slots: 1 });
    const first = await hf.start(fn, 1);
    const second = await hf.start(fn, 2);
    await scene.pass(1);
    const drained = watched(hf.drain({ graceMs: 10_000 }));
    await scene.pass(5_000);
    assert.equal(drained.settled, false);
    assert.equal(call(0).ctx.signal.aborted, false);
    call(0).end.resolve('in time');
    await drained.promise;
    assert.equal(await first.result(), 'in time');
    await scene.pass(5_000);
    assert.equal(calls.length, 1);
    assert.equal((await second.get())?.status, 'queued');
    const [node] = await hf.nodes.list();
    assert.equal(node?.state, 'draining');
    await hf.close();
    assert.deepEqual(
      (await scene.store.nodes()).map(({ state, running }) => [state, running]),
      [['left', 0]],
    );
  });

  it('signals what is left after the grace, and hands it back, no failure counted', async () => {
    const { fn, call, calls } = byHand();
    const a = await scene.open({ functions: [fn] });
    const run = await a.hf.start(fn, 1);
    await scene.pass(1);
    const drained = watched(a.hf.drain({ graceMs: 2_000 }));
    await scene.pass(1_990);
    const { signal } = call(0).ctx;
    assert.equal(signal.aborted, false);
    await scene.pass(20);
    assert.equal(signal.reason.code, 'node.draining');
    call(0).end.reject(signal.reason);
    await drained.promise;
    const kept = await run.get();
    assert.deepEqual([kept?.status, kept?.failures, kept?.crashes], ['queued', 0, 0]);
    assert.deepEqual(
      kept?.attempts.map(({ end }) => end),
      ['handed-back'],
    );
    const b = await scene.open({ functions: [fn] });
    await scene.pass(1);
    assert.equal(calls.length, 2);
    call(1).end.resolve('elsewhere');
    assert.equal(await b.hf.runs.result(run.id), 'elsewhere');
  });

  it('waits no longer than grace and grace of the code, whatever the code does', async () => {
    const { fn, call } = byHand(1_000);
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 1);
    await scene.pass(1);
    const drained = watched(hf.drain({ graceMs: 2_000 }));
    await scene.pass(2_990);
    assert.equal(drained.settled, false);
    await scene.pass(20);
    assert.equal(drained.settled, true);
    assert.equal((await run.get())?.status, 'queued');
    call(0).end.resolve('nobody listens');
  });

  it('keeps a success that comes after the signal', async () => {
    const { fn, call } = byHand();
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 1);
    await scene.pass(1);
    const drained = hf.drain({ graceMs: 0 });
    await scene.pass(10);
    call(0).end.resolve('just so');
    await drained;
    assert.equal(await run.result(), 'just so');
  });

  it('waits for the last notes of an attempt, and for the end behind them', async () => {
    const { fn, call } = byHand();
    const { hf } = await scene.open({
      functions: [fn],
      fault: ({ verb }) => (verb === 'note' || verb === 'end' ? { delayMs: 500 } : null),
    });
    const run = await hf.start(fn, 1);
    await scene.pass(1);
    call(0).ctx.log.info('last words');
    call(0).end.resolve('said');
    const closed = watched(hf.close());
    await scene.pass(900);
    assert.equal(closed.settled, false);
    await scene.pass(200);
    await closed.promise;
    const [node] = await scene.store.nodes();
    assert.deepEqual([node?.state, node?.running], ['left', 0]);
    const other = await scene.open();
    assert.equal(await other.hf.runs.result(run.id), 'said');
    assert.equal((await other.hf.runs.logs(run.id)).lines.length, 1);
  });

  it('is the same for everybody who asks, and close waits for it', async () => {
    const { fn, call } = byHand();
    const { hf } = await scene.open({ functions: [fn], drainGraceMs: 60_000 });
    await hf.start(fn, 1);
    await scene.pass(1);
    const ends = [hf.drain(), hf.close(), hf.close()].map(watched);
    await scene.pass(30_000);
    assert.deepEqual(
      ends.map(({ settled }) => settled),
      [false, false, false],
    );
    call(0).end.resolve(null);
    await Promise.all(ends.map(({ promise }) => promise));
  });
});

describe('a closed runtime', () => {
  it('refuses every call with store.closed and still tells its numbers', async () => {
    const { fn } = byHand();
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 1, { delayMs: 1_000 });
    const waiting = assert.rejects(run.result(), { code: 'store.closed' });
    await hf.close();
    await waiting;
    const closed = { code: 'store.closed' };
    await assert.rejects(hf.start(fn, 1), closed);
    await assert.rejects(hf.startMany(fn, [{ input: 1 }]), closed);
    await assert.rejects(hf.runs.get(run.id), closed);
    await assert.rejects(hf.runs.list(), closed);
    await assert.rejects(run.cancel(), closed);
    await assert.rejects(run.result(), closed);
    await assert.rejects(hf.doctor(), closed);
    await assert.rejects(hf.prune(), closed);
    await assert.rejects(hf.drain(), closed);
    await assert.rejects(hf.lanes.pause('l'), closed);
    assert.equal(hf.stats().started, 1);
  });
});

describe('waiting for a run', () => {
  it('ends with its result wherever it is executed', async () => {
    const { fn, call } = byHand();
    await scene.open({ functions: [fn] });
    const { hf } = await scene.open();
    const run = await hf.start(fn, 1);
    const waits = [run.result(), hf.runs.result(run.id), run.outcome()];
    await scene.pass(100);
    call(0).end.resolve('there');
    await scene.pass(10);
    assert.deepEqual(await Promise.all(waits), [
      'there',
      'there',
      { kind: 'succeeded', error: null },
    ]);
    assert.equal(hf.stats().waits, 0);
  });

  it('asks the store nothing for runs that end here', async () => {
    const { fn, call } = byHand();
    const { hf, calls } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 1);
    const result = run.result();
    await scene.pass(1);
    call(0).end.resolve('here');
    assert.equal(await result, 'here');
    assert.equal(calls.filter(({ verb }) => verb === 'ends').length, 0);
  });

  it('asks seldom, and in one call for all', async () => {
    const { fn, calls: begun } = byHand();
    await scene.open({ functions: [fn], slots: 100 });
    const client = await scene.open({ deaf: true });
    const items = Array.from({ length: 100 }, (_, input) => ({ input }));
    const started = await client.hf.startMany(fn, items);
    const results = Promise.all(started.map((one) => (one.ok ? one.run.result() : null)));
    await scene.pass(60_000);
    const asks = verbsOf(client).filter((verb) => verb === 'ends').length;
    assert.ok(asks < 60 * 2 + 20, `${asks} questions in a minute`);
    for (const { end, input } of begun) end.resolve(input);
    await scene.pass(600);
    assert.deepEqual(
      await results,
      items.map(({ input }) => input),
    );
  });

  it('gives up by its timeout or its signal, and the run goes on', async () => {
    const { fn, call } = byHand();
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 1);
    const timed = assert.rejects(run.result({ timeoutMs: 500 }), {
      code: 'wait.timeout',
      retry: 'safe',
    });
    const stop = new AbortController();
    const stopped = assert.rejects(run.result({ signal: stop.signal }), /enough/);
    await scene.pass(501);
    await timed;
    stop.abort(new Error('enough'));
    await stopped;
    await assert.rejects(run.result({ signal: stop.signal }), /enough/);
    assert.equal(hf.stats().waits, 0);
    call(0).end.resolve('later');
    assert.equal(await run.result(), 'later');
  });

  it('rejects for runs that did not succeed, with the outcome, and for unknown ones', async () => {
    const { fn } = byHand();
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, 1, { delayMs: 60_000 });
    const waiting = assert.rejects(run.result(), (error: unknown) => {
      assert.ok(error instanceof Error && 'code' in error && 'details' in error);
      assert.equal(error.code, 'run.not_succeeded');
      assert.match(error.message, /ended as cancelled: no longer needed \[run\.cancelled\]/);
      const outcome = {
        kind: 'cancelled',
        error: { code: 'run.cancelled', message: 'no longer needed' },
      };
      assert.deepEqual(error.details, { id: run.id, outcome });
      return true;
    });
    assert.deepEqual(await run.cancel('no longer needed'), { state: 'cancelled' });
    await scene.pass(10);
    await waiting;
    await assert.rejects(hf.runs.result('nobody'), { code: 'run.not_found' });
    assert.equal(await hf.runs.get('nobody'), null);
    await assert.rejects(hf.runs.cancel('nobody'), { code: 'run.not_found' });
    await assert.rejects(run.cancel(), { code: 'run.already_done' });
  });
});

describe('acting on many runs', () => {
  it('cancels and retries what matches, page by page, and counts it', async () => {
    const { fn, calls } = byHand();
    const { hf } = await scene.open({ functions: [fn], slots: 1 });
    const items = Array.from({ length: 2_300 }, (_, input) => ({
      input,
      tags: [input % 2 === 0 ? 'even' : 'odd'],
    }));
    await hf.startMany(fn, items);
    await scene.pass(1);
    const even = await hf.runs.cancelWhere({ tag: 'even' }, 'enough');
    assert.deepEqual(even, { matched: 1_150, changed: 1_150 });
    assert.deepEqual(await hf.runs.cancelWhere({ outcome: 'cancelled' }), {
      matched: (await hf.runs.counts()).cancelled,
      changed: 0,
    });
    const cancelled = (await hf.runs.counts()).cancelled;
    assert.ok(cancelled >= 1_149);
    const again = await hf.runs.retryWhere({ tag: 'even' });
    assert.deepEqual(again, { matched: cancelled, changed: cancelled });
    const { runs } = await hf.runs.list({ tag: 'even', status: 'queued', limit: 1 });
    assert.notEqual(runs[0]?.retryOf, null);
    for (const { end } of calls) end.reject(new Error('stopped'));
    await hf.runs.cancelWhere({});
    for (const { end } of calls) end.reject(new Error('stopped'));
    await scene.pass(5_000);
    assert.equal((await hf.runs.counts()).queued, 0);
  });
});

/** Calls over HTTP, by bytes and by the client. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { defineFunction, defineScript } from 'holdfast';
import { createClient } from 'holdfast/client';
import { Metrics } from './exposition-reader.ts';
import { HttpScene } from './scene.ts';

const path = (fn: string): string => `/api/v1/functions/${fn}/call`;

let scene: HttpScene;
beforeEach(async () => {
  scene = await HttpScene.open();
});
afterEach(() => scene[Symbol.asyncDispose]());

describe('POST /api/v1/functions/{name}/call', () => {
  it('gives the result, and stores nothing', async () => {
    const { status, body } = await scene.ask(path('greet'), { body: { input: 'Ada' } });
    assert.deepEqual([status, body], [200, { result: 'hello Ada' }]);
    assert.deepEqual((await scene.hf.runs.list()).runs, []);
  });

  it('says what went wrong, with what was thrown and without its stack', async () => {
    const { body } = await scene.refused('call.failed', path('fail'), { body: {} });
    assert.match(body.detail, /no such thing/);
    const { error } = body.details as { error: object };
    assert.deepEqual(Object.keys(error).toSorted(), ['code', 'message', 'name']);
    await scene.refused('function.unknown', path('nobody'), { body: {} });
    await scene.refused('input.invalid', path('greet'), { body: { input: 1 } });
    await scene.refused('request.invalid', path('greet'), { body: { input: 'A', timeout: 1 } });
    await scene.refused('call.not_durable', path('ship'), { body: { input: 'x' } });
    await scene.refused('call.timed_out', path('wait'), { body: { input: 'x', timeoutMs: 50 } });
  });

  it('refuses an id that is in use, or was lately', async () => {
    const first = scene.ask(path('wait'), { body: { input: 'a', id: 'one' } });
    await scene.meet('begun a').promise;
    await scene.refused('call.duplicate', path('greet'), { body: { input: 'A', id: 'one' } });
    scene.meet('a').resolve();
    assert.equal((await first).status, 200);
    await scene.refused('call.duplicate', path('greet'), { body: { input: 'A', id: 'one' } });
  });

  it('is cancelled when whoever asked is gone', async () => {
    const controller = new AbortController();
    const asked = fetch(`${scene.server.url}${path('wait')}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ input: 'gone' }),
      signal: controller.signal,
    });
    await scene.meet('begun gone').promise;
    const ended = Promise.withResolvers<void>();
    scene.hf.calls.serve(
      defineFunction({ name: 'next', lane: 'the seat', run: () => ended.resolve() }),
    );
    controller.abort();
    await assert.rejects(asked);
    for (let turn = 0; scene.hf.calls.stats().running > 0 && turn < 10_000; turn += 1) {
      await new Promise(setImmediate);
    }
    assert.equal(scene.hf.calls.stats().cancelled, 1);
  });

  it('is cancelled when the server drains, and says so', async () => {
    const asked = scene.ask<{ code: string }>(path('wait'), { body: { input: 'drained' } });
    await scene.meet('begun drained').promise;
    await scene.server.close({ graceMs: 5_000 });
    const { status, body } = await asked;
    assert.deepEqual([status, body.code], [503, 'node.draining']);
    assert.equal(scene.hf.calls.stats().cancelled, 1);
  });

  it('is for whom the key says, under ids of its own', async () => {
    const { key: secret } = await scene.hf.keys.create({ name: 'shop', tenant: 'acme' });
    const who = defineFunction({ name: 'who', run: (_: unknown, ctx) => [ctx.tenant, ctx.runId] });
    scene.hf.calls.serve(who);
    const ask = { key: secret, body: { id: 'mine' } };
    const { body } = await scene.ask<{ result: unknown }>(path('who'), ask);
    assert.deepEqual(body.result, ['acme', 'acme~mine']);
    const other = { key: secret, body: { tenant: 'other' } };
    await scene.refused('auth.denied', path('who'), other);
    await scene.refused('http.no_route', '/api/v1/calls', { key: secret });
  });
});

describe('GET /api/v1/calls', () => {
  it('tells of the VMs behind functions, hosted or served, several versions as one', async () => {
    const plus = (version: string) =>
      defineScript({ name: 'plus', version, language: 'lua', source: 'return input + 1' });
    const served = defineScript({ name: 'loop', language: 'lua', source: 'while input do end' });
    await using at = await HttpScene.open({}, 'memory', { functions: [plus('1'), plus('2')] });
    at.hf.calls.serve(served);
    const client = createClient({ url: at.server.url });
    assert.equal(await client.call('plus', 1), 2);
    assert.equal(await client.call('loop', false), null, 'it has a VM');
    await assert.rejects(client.call('loop', true, { timeoutMs: 200 }));
    const none = { live: 0, busy: 0, waiting: 0, created: 0, discarded: 0, poisoned: 0 };
    const ended = async () => (await client.liveCalls()).pools.at(1)?.poisoned === 1;
    for (let n = 0; !(await ended()) && n < 10_000; n += 1);
    const { pools } = await client.liveCalls();
    assert.deepEqual(pools, [
      { ...none, fn: 'plus', live: 1, created: 1 },
      { ...none, fn: 'loop', created: 1, discarded: 1, poisoned: 1 },
    ]);
    const metrics = new Metrics(await at.hf.metrics());
    for (const fn of ['plus', 'loop']) {
      const all = metrics.samples('holdfast_vms_poisoned_total');
      const found = all.filter(({ labels }) => labels?.function === fn);
      assert.deepEqual(
        found.map(({ value }) => value),
        [fn === 'loop' ? '1' : '0'],
      );
    }
    await served.close();
  });

  it('shows what is under way, as the client does', async () => {
    const client = createClient({ url: scene.server.url });
    const seats = ['a', 'b'].map((input) => client.call('seat', input, { id: input }));
    await scene.meet('begun a').promise;
    for (let n = 0; (await client.liveCalls()).calls.length < 2 && n < 1_000; n += 1);
    const { calls, lanes, stats } = await client.liveCalls();
    const told = calls.map(({ id, fn, status, lane }) => [id, fn, status, lane]);
    assert.deepEqual(told, [
      ['a', 'seat', 'running', 'the seat'],
      ['b', 'seat', 'queued', 'the seat'],
    ]);
    assert.deepEqual(lanes, [{ lane: 'the seat', holding: 1, waiting: 1, quarantined: false }]);
    assert.deepEqual([stats.running, stats.queued], [1, 1]);
    scene.meet('a').resolve();
    scene.meet('b').resolve();
    assert.deepEqual(await Promise.all(seats), ['a', 'b']);
    await assert.rejects(client.call('nobody', null), { code: 'function.unknown', status: 404 });
  });
});

/**
 * What is sent again when answers are lost, and what is not: over a real server, behind a network
 * that resets connections at chosen points.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction } from 'holdfast';
import { type ClientError, type ClientOptions, createClient } from 'holdfast/client';
import { serveHttp } from 'holdfast/http';
import { silentLog } from '../../src/ports/log.ts';
import { HttpScene } from '../http/scene.ts';
import { CutProxy, type Plan } from './cut-proxy.ts';

const patience = { timeout: 60_000 };
const quick = { delayMs: 1, delayMsMax: 2_000 };

/** A server, a network with a plan in front of it, and a client behind that. */
async function behind(at: HttpScene, plans: readonly Plan[], options: Partial<ClientOptions> = {}) {
  const proxy = await CutProxy.start(at.server.port);
  proxy.plans.push(...plans);
  const requests = { count: 0 };
  const counting: ClientOptions['fetch'] = (url, init) => {
    requests.count += 1;
    return fetch(url, init);
  };
  const client = createClient({ url: proxy.url, retry: quick, fetch: counting, ...options });
  return { proxy, requests, client, [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() };
}

const idsOf = async (at: HttpScene): Promise<string[]> =>
  (await at.hf.runs.list()).runs.map(({ id }) => id);

/** A refusal of the server, made up. */
const problem = (code: string, status: number, retry: string, after?: string): Response =>
  Response.json(
    { code, status, retry, detail: 'made up', details: {}, requestId: 'r1' },
    {
      status,
      headers: {
        'content-type': 'application/problem+json',
        ...(after === undefined ? {} : { 'retry-after': after }),
      },
    },
  );

/** A fetch that gives these answers first, and counts. */
function answering(...first: (() => Response)[]) {
  const counted = { count: 0 };
  const fetching: NonNullable<ClientOptions['fetch']> = (url, init) => {
    const made = first[counted.count];
    counted.count += 1;
    return made === undefined ? fetch(url, init) : Promise.resolve(made());
  };
  return { counted, fetch: fetching };
}

describe('an answer that is lost after the commit', patience, () => {
  it('doubles no run, with an id of the caller or of the client', async () => {
    await using at = await HttpScene.open();
    await using net = await behind(at, [0, 20]);
    const run = await net.client.start('greet', 'Ada');
    assert.equal(run.created, true);
    assert.equal(net.requests.count, 3);
    await net.proxy.cut();
    net.proxy.plans.push(0, 40);
    const named = await net.client.start('greet', 'Bo', { id: 'bo' });
    assert.deepEqual([named.id, named.created], ['bo', false]);
    assert.deepEqual(await idsOf(at), ['bo', run.id]);
    assert.equal(await run.result(), 'hello Ada');
  });

  it('doubles none of many runs', async () => {
    await using at = await HttpScene.open();
    await using net = await behind(at, [0, 0]);
    const items = Array.from({ length: 50 }, (_, n) => ({ input: `name ${n}` }));
    const verdicts = await net.client.startMany('greet', items);
    assert.equal(net.requests.count, 3);
    assert.ok(verdicts.every((one) => one.ok && one.run.created));
    assert.equal((await idsOf(at)).length, 50);
  });

  it('doubles no event and no fork', async () => {
    const order = defineFunction({
      name: 'order',
      run: async (_: null, ctx) => {
        const first = await ctx.waitFor<number>('paid');
        const second = await ctx.waitFor<number>('paid', { timeoutMs: 300 });
        return [first?.data, second?.data ?? null];
      },
    });
    await using at = await HttpScene.open({}, 'memory', { functions: [order] });
    await using net = await behind(at, []);
    const run = await net.client.start('order');
    await net.proxy.cut();
    net.proxy.plans.push(0);
    const before = net.requests.count;
    assert.equal((await net.client.emit('paid', 1)).created, true);
    assert.equal(net.requests.count, before + 2);
    assert.deepEqual(await run.result(), [1, null]);
    await net.proxy.cut();
    net.proxy.plans.push(0);
    const forked = await net.client.runs.fork(run.id);
    assert.equal(forked.created, true);
    assert.deepEqual(await idsOf(at), [forked.id, run.id]);
  });

  it('leaves a cancel, a retry, a decision and a resume as they are', async () => {
    await using at = await HttpScene.open();
    await using net = await behind(at, []);
    const { client, proxy } = net;
    const run = await client.start('greet', 'Ada', { delayMs: 3_600_000 });
    const calls: readonly (() => Promise<unknown>)[] = [
      () => client.runs.cancel(run.id),
      () => client.runs.retry(run.id),
      () => client.runs.repin('nobody', '2'),
      () => client.approvals.approve('the-secret-token'),
      () => client.approvals.reject('the-secret-token'),
      () => client.functions.resume('greet'),
      () => client.lanes.resume('a lane'),
      () => client.operations.start({ action: 'cancel', filter: { fn: 'none' } }),
    ];
    for (const call of calls) {
      await proxy.cut();
      proxy.plans.push(0);
      const before = net.requests.count;
      await assert.rejects(call(), ({ code, retry, message }: ClientError) => {
        assert.deepEqual([code, retry], ['client.no_answer', 'never']);
        assert.match(message, /whether it was done is not known/);
        assert.doesNotMatch(message, /secret/);
        return true;
      });
      assert.equal(net.requests.count, before + 1);
    }
    assert.equal((await client.runs.get(run.id))?.outcome?.kind, 'cancelled');
  });

  it('is asked for again wherever it was cut, when nothing changes by asking', async () => {
    await using at = await HttpScene.open();
    await using net = await behind(at, []);
    const run = await net.client.start('greet', 'Ada');
    await run.result();
    const { proxy } = net;
    const head = 500;
    for (let cut = 1; cut < head; cut += 13) {
      await proxy.cut();
      proxy.plans.push(cut);
      assert.equal(await run.result(), 'hello Ada', `cut at ${cut}`);
    }
    await proxy.cut();
    const before = net.requests.count;
    await net.client.functions.pause('greet');
    await net.client.tenants.set('acme', { weight: 2 });
    await proxy.cut();
    proxy.plans.push(0);
    await net.client.functions.pause('greet');
    await proxy.cut();
    proxy.plans.push(0);
    await net.client.tenants.set('acme', { weight: 2 });
    assert.equal(net.requests.count, before + 6);
  });
});

describe('trying again', patience, () => {
  it('ends after so many sendings, and can be switched off', async () => {
    await using at = await HttpScene.open();
    await using net = await behind(at, []);
    net.proxy.fallback = 'refuse';
    await assert.rejects(net.client.runs.counts(), { code: 'client.no_answer', retry: 'after' });
    assert.equal(net.proxy.count, 5);
    const once = createClient({ url: net.proxy.url, retry: false });
    await assert.rejects(once.runs.counts(), { code: 'client.no_answer' });
    assert.equal(net.proxy.count, 6);
    const nobody = createClient({ url: 'http://127.0.0.1:1', retry: quick });
    await assert.rejects(nobody.start('greet', 'Ada'), { code: 'client.no_answer', status: null });
  });

  it('waits as long as the server says, for whatever was not done', async () => {
    await using at = await HttpScene.open();
    const run = await createClient({ url: at.server.url }).start('wait', 'k');
    const { counted, fetch } = answering(() => problem('http.busy', 503, 'after', '1'));
    const client = createClient({ url: at.server.url, fetch, retry: quick });
    const asked = performance.now();
    assert.equal((await client.runs.cancel(run.id)).state, 'stopping');
    assert.ok(performance.now() - asked >= 1_000);
    assert.equal(counted.count, 2);
  });

  it('does not wait for longer than it may', async () => {
    const { counted, fetch } = answering(() => problem('tenant.full', 429, 'after', '3'));
    const client = createClient({ url: 'http://127.0.0.1:1', fetch, retry: quick });
    await assert.rejects(client.start('greet', 'Ada'), { code: 'tenant.full', retry: 'after' });
    assert.equal(counted.count, 1);
    const later = new Date(Date.now() + 60_000).toUTCString();
    const dated = answering(() => problem('http.busy', 503, 'after', later));
    const other = createClient({ url: 'http://127.0.0.1:1', fetch: dated.fetch, retry: quick });
    await assert.rejects(other.runs.counts(), { code: 'http.busy' });
    assert.equal(dated.counted.count, 1);
  });

  it('goes by the word of the table, and by whether it may have been done', async () => {
    await using at = await HttpScene.open();
    const page = (status: number) => () => new Response('<html>', { status });
    const cases: readonly [() => Response, number, number][] = [
      // What it is answered by, sendings of a question, sendings of a cancel.
      [() => problem('store.busy', 503, 'after'), 2, 2],
      [() => problem('node.draining', 503, 'after'), 2, 2],
      [() => problem('store.unavailable', 503, 'after'), 2, 1],
      [() => problem('internal.defect', 500, 'never'), 1, 1],
      [() => problem('run.not_succeeded', 409, 'never'), 1, 1],
      [page(429), 2, 2],
      [page(502), 2, 1],
      [page(503), 2, 1],
      [page(504), 2, 1],
      [page(404), 1, 1],
      [page(301), 1, 1],
      [page(200), 2, 1],
    ];
    for (const [made, question, cancel] of cases) {
      const run = await at.hf.start('greet', 'Ada', { delayMs: 3_600_000 });
      for (const [count, call] of [[question, 'get'] as const, [cancel, 'cancel'] as const]) {
        const { counted, fetch } = answering(made);
        const client = createClient({ url: at.server.url, fetch, retry: quick });
        await client.runs[call](run.id).catch(() => {});
        assert.equal(counted.count, count, `${call} after ${JSON.stringify(await made().text())}`);
      }
    }
  });

  it('gives up on a server that says nothing, and says so', async () => {
    await using at = await HttpScene.open();
    await using net = await behind(at, ['hang', 'hang'], { timeoutMs: 100 });
    assert.equal((await net.client.runs.counts()).succeeded, 0);
    assert.equal(net.proxy.count, 3);
    await net.proxy.cut();
    net.proxy.plans.push('hang');
    const once = createClient({ url: net.proxy.url, timeoutMs: 50, retry: false });
    await assert.rejects(once.runs.counts(), /nothing came for 50 ms/);
  });

  it('ends at once when it is told to, in the middle of an answer or of a pause', async () => {
    await using at = await HttpScene.open();
    await using net = await behind(at, ['hang']);
    const reason = new Error('enough');
    const leave = new AbortController();
    const asking = net.client.runs.counts({ signal: leave.signal });
    while (net.proxy.count === 0) await new Promise(setImmediate);
    leave.abort(reason);
    await assert.rejects(asking, reason);
    const paused = new AbortController();
    const { counted, fetch } = answering(() => problem('http.busy', 503, 'after', '2'));
    const client = createClient({ url: at.server.url, fetch, retry: quick });
    const pausing = client.start('greet', 'Ada', { signal: paused.signal });
    while (counted.count === 0) await new Promise(setImmediate);
    await new Promise(setImmediate);
    paused.abort(reason);
    await assert.rejects(pausing, reason);
    assert.equal(counted.count, 1);
  });
});

describe('a wait for a result', patience, () => {
  it('outlives drops of its connection, and the server', async () => {
    await using at = await HttpScene.open();
    await using net = await behind(at, [], { retry: { delayMs: 20, delayMsMax: 2_000 } });
    const run = await net.client.start('wait', 'k');
    const waiting = run.result({ timeoutMs: 30_000 });
    for (let n = 0; n < 3; n += 1) {
      while (at.hf.stats().waits === 0) await new Promise(setImmediate);
      await net.proxy.cut();
      while (at.hf.stats().waits > 0) await new Promise(setImmediate);
    }
    while (at.hf.stats().waits === 0) await new Promise(setImmediate);
    const { port } = at.server;
    await at.server.close();
    await using _second = await serveHttp(at.hf, { port, log: silentLog });
    at.meet('k').resolve();
    assert.equal(await waiting, 'k');
  });

  it('asks for no longer than a request may wait, and again', async () => {
    await using at = await HttpScene.open();
    const run = await at.hf.start('wait', 'k');
    const asked: string[] = [];
    const still = () => problem('wait.timeout', 504, 'safe');
    const client = createClient({
      url: at.server.url,
      retry: quick,
      fetch: (url, init) => {
        asked.push(new URL(url).search);
        if (asked.length < 4) return Promise.resolve(still());
        at.meet('k').resolve();
        return fetch(url, init);
      },
    });
    assert.equal(await client.runs.result(run.id), 'k');
    assert.deepEqual(asked, Array(4).fill('?waitMs=30000'));
  });
});

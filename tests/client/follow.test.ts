/** Following a log across all that cuts a stream off: no line is missed, and none comes twice. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction } from 'holdfast';
import { type ClientOptions, createClient, type LogOptions } from 'holdfast/client';
import { serveHttp } from 'holdfast/http';
import { silentLog } from '../../src/ports/log.ts';
import { HttpScene } from '../http/scene.ts';
import { CutProxy } from './cut-proxy.ts';

const patience = { timeout: 120_000 };
const atOnce = { delayMs: 0, delayMsMax: 0 };

const upTo = (to: number): number[] => Array.from({ length: to }, (_, n) => n + 1);

type Fetch = NonNullable<ClientOptions['fetch']>;

/** A fetch whose answers are cut off after so many bytes; `cutAt` is asked for each. */
function cutting(cutAt: (nth: number) => number): { readonly fetch: Fetch; count: number } {
  const made = { fetch: (async () => Response.error()) as Fetch, count: 0 };
  made.fetch = async (url, init) => {
    let left = cutAt(made.count);
    made.count += 1;
    const response = await fetch(url, init);
    const cut = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        controller.enqueue(chunk.slice(0, left));
        left -= chunk.length;
        if (left <= 0) controller.error(new Error('cut'));
      },
    });
    return new Response(response.body?.pipeThrough(cut), response);
  };
  return made;
}

/** What following a log gives, to its end. */
async function followed(url: string, id: string, options: Partial<ClientOptions> = {}) {
  const lines = createClient({ url, retry: atOnce, ...options }).runs.followLogs(id);
  const seen: number[] = [];
  let next = await lines.next();
  for (; next.done !== true; next = await lines.next()) seen.push(next.value.n);
  return { seen, outcome: next.value.kind };
}

/** The number of a line that was followed, or null at the end. */
const nOf = (got: IteratorResult<{ readonly n: number }, unknown>): number | null =>
  got.done === true ? null : got.value.n;

/** A function that logs when it is told to. */
function diary() {
  const steps: PromiseWithResolvers<void>[] = [];
  const step = (n: number): PromiseWithResolvers<void> => {
    steps[n] ??= Promise.withResolvers<void>();
    return steps[n];
  };
  const write = defineFunction({
    name: 'diary',
    run: async (lines: number, ctx) => {
      for (let n = 1; n <= lines; n += 1) {
        await step(n).promise;
        ctx.log.info(`line ${n}`);
      }
      return lines;
    },
  });
  return { write, step };
}

describe('following a log', patience, () => {
  it('goes on behind a cut at every byte of the stream', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('talk', 2);
    await at.hf.runs.result(id);
    const whole = await (await at.fetch(`/api/v1/runs/${id}/logs/stream`)).arrayBuffer();
    for (let cut = 0; cut <= whole.byteLength; cut += 1) {
      const net = cutting((nth) => (nth === 0 ? cut : Infinity));
      const told = await followed(at.server.url, id, { fetch: net.fetch });
      assert.deepEqual(told, { seen: upTo(2), outcome: 'succeeded' }, `cut at ${cut}`);
      assert.equal(net.count, cut < whole.byteLength ? 2 : 1);
    }
  });

  it('goes on behind one cut after the other, as long as there is something new', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('talk', 200);
    await at.hf.runs.result(id);
    const net = cutting(() => 300);
    const told = await followed(at.server.url, id, { fetch: net.fetch });
    assert.deepEqual(told, { seen: upTo(200), outcome: 'succeeded' });
    assert.ok(net.count > 50, `${net.count} connections`);
    const stuck = cutting(() => 5);
    await assert.rejects(followed(at.server.url, id, { fetch: stuck.fetch }), {
      code: 'client.no_answer',
    });
    assert.equal(stuck.count, 5);
  });

  it('sees lines while they come, through a network that is reset between them', async () => {
    const { write, step } = diary();
    await using at = await HttpScene.open({}, 'memory', { functions: [write] });
    await using proxy = await CutProxy.start(at.server.port);
    const client = createClient({ url: proxy.url, retry: atOnce });
    const id = await at.start('diary', 8);
    const lines = client.runs.followLogs(id);
    for (let n = 1; n <= 8; n += 1) {
      step(n).resolve();
      assert.equal(nOf(await lines.next()), n);
      await proxy.cut();
    }
    assert.deepEqual(await lines.next(), {
      ...{ done: true, value: { kind: 'succeeded', error: null } },
    });
    // Where the cut came after the last line, the end may have been there already.
    assert.ok(proxy.count >= 8, `${proxy.count} connections`);
  });

  it('goes on with the server that comes after one that drains', async () => {
    const { write, step } = diary();
    await using at = await HttpScene.open({}, 'memory', { functions: [write] });
    const { url, port } = at.server;
    const retry = { delayMs: 20, delayMsMax: 2_000 };
    const id = await at.start('diary', 2);
    const lines = createClient({ url, retry }).runs.followLogs(id);
    step(1).resolve();
    assert.equal(nOf(await lines.next()), 1);
    const next = lines.next();
    await at.server.close();
    await using _second = await serveHttp(at.hf, { port, log: silentLog });
    step(2).resolve();
    assert.equal(nOf(await next), 2);
    assert.equal((await lines.next()).done, true);
  });

  it('notices a line that went dead, and none that only has nothing to say', async () => {
    const { write, step } = diary();
    await using at = await HttpScene.open({ streamBeatMs: 100 }, 'memory', { functions: [write] });
    await using proxy = await CutProxy.start(at.server.port);
    const id = await at.start('diary', 2);
    proxy.plans.push('hang', { stallAt: 360 });
    const client = createClient({ url: proxy.url, retry: atOnce, timeoutMs: 400 });
    const lines = client.runs.followLogs(id);
    step(1).resolve();
    assert.equal(nOf(await lines.next()), 1);
    while (proxy.count < 3) await new Promise(setImmediate);
    const second = lines.next();
    const quietFrom = performance.now();
    while (performance.now() - quietFrom < 1_000) await new Promise(setImmediate);
    step(2).resolve();
    assert.equal(nOf(await second), 2);
    assert.equal(proxy.count, 3);
    await lines.return({ kind: 'succeeded', error: null });
  });

  it('leaves nothing behind when it is left or told to end', async () => {
    const { write, step } = diary();
    await using at = await HttpScene.open({}, 'memory', { functions: [write] });
    const client = createClient({ url: at.server.url });
    const waits = await at.start('diary', 2);
    step(1).resolve();
    for await (const { n } of client.runs.followLogs(waits)) if (n === 1) break;
    while (at.server.load().streams > 0) await new Promise(setImmediate);
    const leave = new AbortController();
    const options: LogOptions = { signal: leave.signal };
    const next = client.runs.followLogs(waits, { ...options, after: 1 }).next();
    while (at.server.load().streams === 0) await new Promise(setImmediate);
    const reason = new Error('enough');
    leave.abort(reason);
    await assert.rejects(next, reason);
    while (at.server.load().streams > 0) await new Promise(setImmediate);
    await assert.rejects(client.runs.followLogs(waits, options).next(), reason);
    step(2).resolve();
  });

  it('ends when every stream ends with the same problem', async () => {
    let count = 0;
    const said = { code: 'store.unavailable', detail: 'gone', retry: 'after', details: {} };
    const client = createClient({
      url: 'http://127.0.0.1:1',
      retry: atOnce,
      fetch: async () => {
        count += 1;
        return new Response(`retry: 1\n\nevent: problem\ndata: ${JSON.stringify(said)}\n\n`);
      },
    });
    await assert.rejects(client.runs.followLogs('a').next(), { code: 'store.unavailable' });
    assert.equal(count, 5);
  });

  it('ends with what the server says for good', async () => {
    await using at = await HttpScene.open({ streamsMax: 1 });
    const client = createClient({ url: at.server.url, retry: false });
    await assert.rejects(client.runs.followLogs('no such run').next(), {
      ...{ code: 'run.not_found', status: 404 },
    });
    const id = await at.start('wait', 'k');
    const first = await at.fetch(`/api/v1/runs/${id}/logs/stream`);
    await assert.rejects(client.runs.followLogs(id).next(), { code: 'http.busy' });
    await first.body?.cancel();
  });
});

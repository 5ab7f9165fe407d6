/** Streams of log lines: following, coming back, and readers that do not read. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { HttpScene } from './scene.ts';

const patience = { timeout: 60_000 };

interface Seen {
  readonly ids: readonly number[];
  readonly last: string;
}

/** What a whole stream said. */
function seenIn(text: string): Seen {
  const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  const events = [...text.matchAll(/^event: (\w+)$/gm)].map(([, event = '']) => event);
  return { ids, last: events.at(-1) ?? '' };
}

const upTo = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, n) => from + n + 1);

describe('a stream of log lines', patience, () => {
  it('goes on at every offset, with each line once, up to and past the end', async () => {
    await using at = await HttpScene.open();
    const lines = 25;
    const id = await at.start('talk', lines);
    await at.hf.runs.result(id);
    const path = `/api/v1/runs/${id}/logs/stream`;
    for (let last = 0; last <= lines + 5; last += 1) {
      const headers = { 'last-event-id': String(last) };
      const byHeader = seenIn(await (await at.fetch(path, { headers })).text());
      const byQuery = seenIn(await (await at.fetch(`${path}?after=${last}`)).text());
      assert.deepEqual(byHeader, { ids: upTo(Math.min(last, lines), lines), last: 'end' });
      assert.deepEqual(byQuery, byHeader);
    }
    const headers = { 'last-event-id': 'x' };
    await at.refused('request.invalid', path, { headers });
  });

  it('begins again where it was cut, whatever had been seen', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('talk', 30);
    await at.hf.runs.result(id);
    const path = `/api/v1/runs/${id}/logs/stream`;
    const whole = await (await at.fetch(path)).text();
    for (let cut = 0; cut < whole.length; cut += 97) {
      const seen = whole.slice(0, cut).split('\n\n').slice(0, -1).join('\n\n');
      const { ids } = seenIn(seen);
      const headers = { 'last-event-id': String(ids.at(-1) ?? 0) };
      const rest = seenIn(await (await at.fetch(path, { headers })).text());
      assert.deepEqual([...ids, ...rest.ids], upTo(0, 30));
    }
  });

  it('follows a run to its end', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('wait', 'k');
    await at.meet('begun k').promise;
    const response = await at.fetch(`/api/v1/runs/${id}/logs/stream`);
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    assert.equal(at.server.load().streams, 1);
    at.meet('k').resolve();
    const said = await response.text();
    assert.match(said, /^event: end\ndata: \{"outcome":\{"kind":"succeeded","error":null\}\}$/m);
    assert.equal(at.server.load().streams, 0);
  });

  it('gives signs of life while nothing happens', async () => {
    await using at = await HttpScene.open({ streamBeatMs: 100 });
    const id = await at.start('wait', 'k');
    const socket = at.dial();
    socket.write(`GET /api/v1/runs/${id}/logs/stream HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    let said = '';
    for await (const chunk of socket) {
      said += String(chunk);
      if (said.split(': beat').length > 3) break;
    }
    socket.destroy();
  });

  it('leaves nothing behind when its reader goes', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('wait', 'k');
    const socket = at.dial();
    socket.write(`GET /api/v1/runs/${id}/logs/stream HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await once(socket, 'data');
    socket.destroy();
    while (at.server.load().streams > 0) await new Promise(setImmediate);
    while (at.hf.stats().waits > 0) await new Promise(setImmediate);
    while (at.server.load().requests > 0) await new Promise(setImmediate);
  });

  it('is refused when too many are open', async () => {
    await using at = await HttpScene.open({ streamsMax: 1 });
    const id = await at.start('wait', 'k');
    const path = `/api/v1/runs/${id}/logs/stream`;
    const first = await at.fetch(path);
    await at.refused('http.busy', path);
    at.meet('k').resolve();
    await first.text();
    assert.equal(seenIn(await (await at.fetch(path)).text()).last, 'end');
  });
});

describe('a reader who never reads', patience, () => {
  it('is dropped alone, and holds no more than its bound', async () => {
    await using at = await HttpScene.open({ streamStallMs: 200 });
    const id = await at.start('talk', 2);
    await at.hf.runs.result(id);
    // Lines without end, so that every buffer on the way is full some time.
    const line = 'x'.repeat(8_000);
    let made = 0;
    at.hf.runs.logs = async (_id, { after = 0, limit = 0 } = {}) => {
      made += limit;
      const lines = Array.from({ length: limit }, (_, n) => ({
        ...{ n: after + n + 1, at: 0 as never, attempt: 1, level: 'info' as const, fields: null },
        message: line,
      }));
      return { lines, next: after + limit, dropped: 0 };
    };
    const path = `/api/v1/runs/${id}/logs/stream`;
    const stuck = at.dial();
    stuck.pause();
    stuck.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    while (at.server.load().streams === 0) await new Promise(setImmediate);
    const reads = await at.fetch(path);
    const reader = reads.body?.getReader();
    assert.ok(reader !== undefined);
    while (at.server.load().streams > 1) await reader.read();
    const atDrop = made;
    for (let n = 0; n < 50; n += 1) assert.equal((await reader.read()).done, false);
    await reader.cancel();
    while (at.server.load().streams > 0) await new Promise(setImmediate);
    assert.ok(atDrop < 200_000, `${atDrop} lines were made for two readers`);
    // Its connection is cut, too: whoever reads at last finds the end behind what was sent.
    const cut = new Promise<unknown>((resolve) =>
      stuck.once('end', resolve).once('error', resolve),
    );
    stuck.resume();
    await cut;
    stuck.destroy();
  });
});

describe('the end of a server', patience, () => {
  it('ends waits and streams with a word, lets others finish, and takes no more', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('wait', 'k');
    const waits = at.refused('node.draining', `/api/v1/runs/${id}/result?waitMs=60000`);
    const stream = await at.fetch(`/api/v1/runs/${id}/logs/stream`);
    while (at.hf.stats().waits === 0 || at.server.load().requests < 2) {
      await new Promise(setImmediate);
    }
    const kept = at.dial();
    kept.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(kept, 'data');
    const held = Promise.withResolvers<Awaited<ReturnType<typeof at.hf.runs.counts>>>();
    const { counts } = at.hf.runs;
    at.hf.runs.counts = () => held.promise;
    const finishing = at.ask('/api/v1/counts');
    while (at.server.load().requests < 3) await new Promise(setImmediate);
    const closed = at.server.close();
    assert.match(await stream.text(), /event: problem\ndata: .*node\.draining/);
    const { headers } = await waits;
    assert.equal(headers.get('retry-after'), '1');
    await assert.rejects(fetch(`${at.server.url}/livez`));
    held.resolve(await counts.call(at.hf.runs));
    assert.equal((await finishing).status, 200);
    kept.destroy();
    await closed;
    assert.deepEqual(at.server.load(), { requests: 0, streams: 0 });
  });

  it('cuts what has not finished within the grace', async () => {
    await using at = await HttpScene.open();
    const held = Promise.withResolvers<never>();
    at.hf.runs.counts = () => held.promise;
    const busy = at.bytes('GET /api/v1/counts HTTP/1.1\r\nHost: localhost\r\n\r\n');
    while (at.server.load().requests === 0) await new Promise(setImmediate);
    await at.server.close({ graceMs: 50 });
    assert.equal(await busy, '');
    while (at.server.load().requests > 0) await new Promise(setImmediate);
  });
});

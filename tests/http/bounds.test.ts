/** Every bound of the server, at the bound and one past it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { limits } from 'holdfast';
import { HttpScene, problemIn } from './scene.ts';

const patience = { timeout: 60_000 };
const starts = '/api/v1/functions/greet/runs';
const host = 'Host: localhost\r\nConnection: close\r\n';
const get = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\n${host}${headers}\r\n`;

describe('before anything is parsed', patience, () => {
  it('the length of the URL is looked at', async () => {
    await using at = await HttpScene.open();
    const path = (chars: number): string => `/livez?${'a'.repeat(chars - '/livez?'.length)}`;
    const { httpUrlCharsMax: max } = limits;
    assert.equal(problemIn(await at.bytes(get(path(max)))).code, 'request.invalid');
    assert.equal(problemIn(await at.bytes(get(path(max + 1)))).code, 'http.url_too_long');
  });

  it('the headers are counted', async () => {
    await using at = await HttpScene.open();
    const headers = (count: number): string =>
      Array.from({ length: count - 2 }, (_, n) => `X-${n}: 1\r\n`).join('');
    const { httpHeadersMax: max } = limits;
    assert.match(await at.bytes(get('/livez', headers(max))), /^HTTP\/1.1 200 /);
    const said = await at.bytes(get('/livez', headers(max + 1)));
    assert.equal(problemIn(said).code, 'http.headers_too_large');
  });

  it('the bytes of the headers are counted', async () => {
    await using at = await HttpScene.open();
    const header = (bytes: number): string => `X: ${'a'.repeat(bytes)}\r\n`;
    const most = limits.httpHeaderBytesMax;
    assert.match(await at.bytes(get('/livez', header(most - 200))), /^HTTP\/1.1 200 /);
    for (const bytes of [most, 1_000_000]) {
      const said = await at.bytes(get('/livez', header(bytes)));
      if (said !== '') assert.equal(problemIn(said).code, 'http.headers_too_large');
    }
    assert.equal((await at.ask('/livez')).status, 200);
  });

  it('the target must be a path, and HTTP/1.1 has a Host', async () => {
    await using at = await HttpScene.open();
    const absolute = await at.bytes(get('http://localhost/livez'));
    assert.equal(problemIn(absolute).code, 'http.malformed');
    const nameless = await at.bytes('GET /livez HTTP/1.1\r\n\r\n');
    assert.equal(problemIn(nameless).code, 'http.malformed');
  });
});

describe('a body', patience, () => {
  const sized = (bytes: number): string => {
    const frame = JSON.stringify({ input: '' });
    return JSON.stringify({ input: 'a'.repeat(bytes - frame.length) });
  };

  it('may have as many bytes as the option says, told or not', async () => {
    await using at = await HttpScene.open({ bodyBytesMax: 1_000 });
    assert.equal((await at.ask(starts, { body: sized(1_000) })).status, 201);
    await at.refused('payload.too_large', starts, { body: sized(1_001) });
    const chunked = (text: string): string =>
      `POST ${starts} HTTP/1.1\r\n${host}Content-Type: application/json\r\n` +
      `Transfer-Encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
    assert.match(await at.bytes(chunked(sized(1_000))), /^HTTP\/1.1 201 /);
    assert.equal(problemIn(await at.bytes(chunked(sized(1_001)))).code, 'payload.too_large');
  });

  it('is refused by the length that it tells, before it is sent', async () => {
    await using at = await HttpScene.open();
    const head = `POST ${starts} HTTP/1.1\r\n${host}Content-Type: application/json\r\n`;
    const said = await at.bytes(`${head}Content-Length: 99999999999\r\n\r\n`);
    assert.equal(problemIn(said).code, 'payload.too_large');
  });

  it('that comes too slowly is cut off, and nothing is done', async () => {
    await using at = await HttpScene.open({ requestTimeoutMs: 100 });
    const head = `POST ${starts} HTTP/1.1\r\n${host}Content-Type: application/json\r\n`;
    const said = await at.bytes(`${head}Content-Length: 13\r\n\r\n{"input":`);
    assert.equal(problemIn(said).code, 'http.timeout');
    assert.equal((await at.hf.runs.list()).runs.length, 0);
  });

  it('is not waited for when nobody knows the caller', async () => {
    await using at = await HttpScene.open({ allowAnonymous: false, requestTimeoutMs: 60_000 });
    const head = `POST ${starts} HTTP/1.1\r\n${host}Content-Type: application/json\r\n`;
    const said = await at.bytes(`${head}Content-Length: 1000\r\n\r\n{`);
    assert.equal(problemIn(said).code, 'auth.missing');
  });
});

describe('headers', patience, () => {
  it('that come too slowly are cut off', async () => {
    await using at = await HttpScene.open({ requestTimeoutMs: 100 });
    assert.equal(problemIn(await at.bytes('GET /livez HTTP/1.1\r\nHost: lo')).code, 'http.timeout');
  });
});

describe('a connection', patience, () => {
  it('over the limit is closed, and the others go on', async () => {
    await using at = await HttpScene.open({ connectionsMax: 2 });
    const held = [at.dial(), at.dial()];
    for (const one of held) await once(one, 'connect');
    for (const one of held) {
      one.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await once(one, 'data');
    }
    assert.equal(await at.bytes(get('/livez')), '');
    held[0]?.write(get('/livez'));
    for await (const chunk of held[0] ?? []) assert.match(String(chunk), /^HTTP\/1.1 200 /);
    held[1]?.destroy();
  });
});

describe('requests', patience, () => {
  it('over the limit are refused, and may be asked again', async () => {
    await using at = await HttpScene.open({ requestsMax: 1 });
    const id = await at.start('wait', 'k');
    const waits = at.ask(`/api/v1/runs/${id}/result?waitMs=60000`);
    while (at.hf.stats().waits === 0) await new Promise(setImmediate);
    const told = await at.refused('http.busy', '/api/v1/runs');
    assert.equal(told.headers.get('retry-after'), '1');
    at.meet('k').resolve();
    assert.equal((await waits).status, 200);
    assert.equal((await at.ask('/api/v1/runs')).status, 200);
  });

  it('that one connection sends in a row are answered in order', async () => {
    await using at = await HttpScene.open();
    const one = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const said = await at.bytes(`${one.repeat(20)}${get('/api/v1/runs/none')}`);
    assert.equal(said.match(/HTTP\/1.1 200 /g)?.length, 20);
    assert.match(said, /run\.not_found/);
  });
});

describe('operations', patience, () => {
  it('are remembered up to the limit, the newest ones', async () => {
    await using at = await HttpScene.open();
    const ids: string[] = [];
    for (let n = 0; n < limits.operationsMax + 3; n += 1) {
      const body = { action: 'cancel', filter: { tag: 'none' } };
      const begun = await at.ask<{ id: string; state: string }>('/api/v1/operations', { body });
      ids.push(begun.body.id);
      let { state } = begun.body;
      while (state === 'running') {
        ({ state } = (await at.ask<{ state: string }>(`/api/v1/operations/${begun.body.id}`)).body);
      }
    }
    const { body } = await at.ask<{ operations: { id: string }[] }>('/api/v1/operations');
    assert.deepEqual(
      body.operations.map(({ id }) => id),
      ids.slice(3).toReversed(),
    );
  });

  it('under way at once are bounded', async () => {
    await using at = await HttpScene.open();
    const held = Promise.withResolvers<{ matched: number; changed: number }>();
    at.hf.runs.cancelWhere = () => held.promise;
    const body = { action: 'cancel', filter: {} };
    for (let n = 0; n < limits.operationsRunningMax; n += 1) {
      assert.equal((await at.ask('/api/v1/operations', { body })).status, 202);
    }
    await at.refused('http.busy', '/api/v1/operations', { body });
    held.resolve({ matched: 0, changed: 0 });
    await held.promise;
    assert.equal((await at.ask('/api/v1/operations', { body })).status, 202);
  });
});

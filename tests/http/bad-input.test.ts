/** What is wrong is refused with the code for it, and names what is at fault. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HoldfastError, limits } from 'holdfast';
import { HttpScene, problemIn } from './scene.ts';

const patience = { timeout: 60_000 };
const starts = '/api/v1/functions/greet/runs';
const long = 'x'.repeat(201);
const retryAll = { action: 'retry', filter: {} };

describe('a wrong request', patience, () => {
  it('is refused with a stable code', async () => {
    await using at = await HttpScene.open();
    const post = { method: 'POST' } as const;
    const cases: readonly [string, string, Parameters<HttpScene['ask']>[1]?][] = [
      ['http.no_route', '/'],
      ['http.no_route', '/api/v1/'],
      ['http.no_route', '/api/v2/runs'],
      ['http.no_route', '/api/v1/runs/'],
      ['run.not_found', '/api/v1/runs/none'],
      ['run.not_found', '/api/v1/runs/none/logs'],
      ['run.not_found', '/api/v1/runs/none/logs/stream'],
      ['run.not_found', '/api/v1/runs/none/explain'],
      ['run.not_found', '/api/v1/runs/none/result?waitMs=5'],
      ['run.not_found', '/api/v1/runs/none/cancel', post],
      ['run.not_found', '/api/v1/runs/none/retry', post],
      ['key.invalid', '/api/v1/runs/%00'],
      ['request.invalid', `/api/v1/runs/${long}`],
      ['request.invalid', '/api/v1/runs/none/result?waitMs=60001'],
      ['request.invalid', '/api/v1/runs/none/result?waitMs=-1'],
      ['request.invalid', '/api/v1/runs?limit=0'],
      ['request.invalid', '/api/v1/runs?limit=1001'],
      ['request.invalid', '/api/v1/runs?status=finished'],
      ['request.invalid', '/api/v1/runs?statu=done'],
      ['request.invalid', '/api/v1/runs?status=done&status=queued'],
      ['request.invalid', '/api/v1/runs?__proto__=1'],
      ['function.unknown', '/api/v1/functions/greed/runs', { body: { input: 'a' } }],
      ['input.invalid', starts, { body: { input: 7 } }],
      ['request.invalid', starts, { body: { inputs: 7 } }],
      ['request.invalid', starts, { body: [] }],
      ['request.invalid', starts, { body: { input: 'a', delayMs: -1 } }],
      ['request.invalid', starts, { body: { input: 'a', delayMs: 1, dueAt: 1 } }],
      ['request.invalid', starts, { body: { input: 'a', tags: Array(17).fill('t') } }],
      ['request.invalid', starts, { body: { input: 'a', tenant: long } }],
      ['key.invalid', starts, { body: { input: 'a', tenant: 'a\u0000' } }],
      ['key.invalid', starts, { body: { input: 'a', id: '..' } }],
      ['key.invalid', starts, { body: { input: 'a' }, headers: { 'idempotency-key': '.' } }],
      ['key.invalid', `${starts}/many`, { body: { items: [{ input: 'a', id: '.' }] } }],
      ['http.not_json', starts, { body: '{"input":' }],
      ['http.not_json', starts, { body: new Uint8Array([0x22, 0xff, 0x22]) }],
      ['http.media_type', starts, { body: '{}', headers: { 'content-type': 'text/plain' } }],
      ['http.media_type', starts, { body: '{}', headers: { 'content-encoding': 'gzip' } }],
      ['request.invalid', '/api/v1/operations', { body: { action: 'cancel' } }],
      ['request.invalid', '/api/v1/operations', { body: { action: 'drop', filter: {} } }],
      ['request.invalid', '/api/v1/operations', { body: { ...retryAll, reason: 'x' } }],
      ['request.invalid', '/api/v1/tenants/a', { method: 'PUT', body: { weight: 0 } }],
      ['http.wrong_method', '/api/v1/tenants/a', { method: 'DELETE' }],
    ];
    for (const [code, path, options] of cases) await at.refused(code, path, options);
  });

  it('is told which methods a path takes', async () => {
    await using at = await HttpScene.open();
    const one = await at.refused('http.wrong_method', '/api/v1/operations', { method: 'PATCH' });
    assert.equal(one.headers.get('allow'), 'POST, GET, HEAD');
    const head = await at.fetch('/api/v1/runs', { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [200, '']);
    const stream = await at.fetch('/api/v1/runs/x/logs/stream', { method: 'HEAD' });
    assert.equal(stream.status, 405);
  });

  it('names the field and the rule', async () => {
    await using at = await HttpScene.open();
    const { body } = await at.refused('request.invalid', starts, { body: { delayMs: -1 } });
    assert.match(body.detail, /^the body is not as it must be: delayMs: /);
    const [issue] = body.details.issues as { path: string }[];
    assert.equal(issue?.path, 'delayMs');
    assert.match(body.requestId, /^[0-9a-f-]{36}$/);
    assert.equal(body.type, 'urn:holdfast:error:request.invalid');
  });

  it('is answered where no HTTP was spoken at all', async () => {
    await using at = await HttpScene.open();
    for (const said of ['hello\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', '\u0016\u0003\u0001\r\n\r\n']) {
      const told = await at.bytes(said);
      const { code, requestId } = problemIn(told);
      assert.equal(code, 'http.malformed', said);
      assert.match(told, new RegExp(`^x-request-id: ${requestId}\r$`, 'm'));
      assert.match(told, /^cache-control: no-store\r$/m);
    }
  });

  it('is refused when a header that decides something comes twice', async () => {
    await using at = await HttpScene.open();
    for (const [name, value] of [
      ...[['Authorization', 'Bearer a'] as const, ['Idempotency-Key', 'a'] as const],
      ...[['Host', 'localhost'] as const, ['Last-Event-ID', '1'] as const],
    ]) {
      const host = name === 'Host' ? '' : 'Host: localhost\r\n';
      const twice = `${name}: ${value}\r\n${name}: ${value}\r\n`;
      const said = await at.bytes(`GET /api/v1/runs HTTP/1.1\r\n${host}${twice}\r\n`);
      assert.equal(problemIn(said).code, 'http.duplicate_header', said);
    }
  });

  it('never gets as far as the store with a body of two lengths', async () => {
    await using at = await HttpScene.open();
    const head = `POST ${starts} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    const both = 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
    assert.equal(problemIn(await at.bytes(`${head}${both}`)).status, 400);
    assert.equal((await at.hf.runs.list()).runs.length, 0);
  });
});

describe('a refusal', patience, () => {
  it('tells nothing of its cause', async () => {
    await using at = await HttpScene.open({}, 'memory');
    const secret = 'postgres://joe:hunter2@db';
    at.hf.runs.get = () => Promise.reject(new Error(secret));
    const { status, body } = await at.ask<object>('/api/v1/runs/x');
    assert.equal(status, 500);
    assert.doesNotMatch(JSON.stringify(body), /hunter2/);
    assert.equal((body as { code: string }).code, 'internal.defect');
  });

  it('tells no place of the store, and no word of an author whose option failed', async () => {
    await using at = await HttpScene.open({}, 'memory');
    const path = '/var/lib/secret.db';
    const faults = [
      new HoldfastError('store.unavailable', `store ${path} is away`, { details: { path } }),
      new HoldfastError('request.invalid', `computed: ${path}`, { cause: new Error(path) }),
    ];
    for (const fault of faults) {
      at.hf.runs.get = () => Promise.reject(fault);
      const told = await at.refused(fault.code, '/api/v1/runs/x');
      assert.doesNotMatch(JSON.stringify(told.body), /secret/);
      assert.equal(told.body.detail, told.body.title);
    }
  });
});

describe('JSON', patience, () => {
  const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

  it('may nest as deep as the limit says, and not deeper', async () => {
    await using at = await HttpScene.open();
    const body = (depth: number): string => `{"input":${deep(depth - 1)}}`;
    const { httpJsonDepthMax: max } = limits;
    await at.refused('input.invalid', starts, { body: body(max) });
    await at.refused('http.too_deep', starts, { body: body(max + 1) });
    await at.refused('http.too_deep', starts, { body: deep(10_000) });
    await at.refused('http.too_deep', starts, { body: '['.repeat(1_000_000) });
    const inText = JSON.stringify({ input: `\\"${deep(500)}` });
    assert.equal((await at.ask(starts, { body: inText })).status, 201);
  });
});

/** Who gets in, and what they may do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Holdfast, type KeyScope } from 'holdfast';
import { serveHttp } from 'holdfast/http';
import { silentLog } from '../../src/ports/log.ts';
import { systemClock } from '../../src/system/clock.ts';
import { HttpScene, problemIn } from './scene.ts';

const patience = { timeout: 60_000 };
const clock = systemClock();

describe('the door', patience, () => {
  it('is open on loopback until the store has its first key, and closed from then on', async () => {
    await using at = await HttpScene.open();
    assert.equal((await at.ask('/api/v1/runs')).status, 200);
    const { id, key } = await at.hf.keys.create({ name: 'first', scope: 'read' });
    const asked = clock.mono();
    while ((await at.ask('/api/v1/runs')).status === 200);
    assert.ok(clock.mono() - asked < 1_000, 'it took a second');
    const told = await at.refused('auth.missing', '/api/v1/runs');
    assert.equal(told.headers.get('www-authenticate'), 'Bearer realm="holdfast"');
    assert.equal((await at.ask('/api/v1/runs', { key })).status, 200);
    await at.hf.keys.revoke(id);
    const revoked = clock.mono();
    while ((await at.ask('/api/v1/runs', { key })).status === 200);
    assert.ok(clock.mono() - revoked < 1_000, 'it took a second');
    await at.refused('auth.missing', '/api/v1/runs');
  });

  it('takes a key and nothing that looks like one', async () => {
    await using at = await HttpScene.open();
    const { key } = await at.hf.keys.create({ name: 'one' });
    const other = key.endsWith('A') ? 'B' : 'A';
    for (const authorization of [
      ...[`Bearer ${key.slice(0, -1)}${other}`, `Bearer ${key} ${key}`, key, 'Bearer', ''],
      ...['Basic dTpw', 'Bearer hf_', `Bearer ${'x'.repeat(5_000)}`],
    ]) {
      await at.refused('auth.missing', '/api/v1/runs', { headers: { authorization } });
    }
    const lower = { authorization: `bearer ${key}` };
    assert.equal((await at.ask('/api/v1/runs', { headers: lower })).status, 200);
  });

  it('is not opened beyond loopback without a key, unless that was said', async () => {
    await using hf = await Holdfast.open({ store: 'memory:' });
    const open = { host: '0.0.0.0', port: 0, log: silentLog } as const;
    await assert.rejects(serveHttp(hf, open), { code: 'auth.missing' });
    await (await serveHttp(hf, { ...open, allowAnonymous: true })).close();
    await hf.keys.create({ name: 'one' });
    await using server = await serveHttp(hf, open);
    assert.equal((await fetch(`http://127.0.0.1:${server.port}/api/v1/runs`)).status, 401);
  });

  it('asks for a key on loopback, too, where that was said', async () => {
    await using at = await HttpScene.open({ allowAnonymous: false });
    await at.refused('auth.missing', '/api/v1/runs');
    await using open = await HttpScene.open({ allowAnonymous: true });
    const { key } = await open.hf.keys.create({ name: 'one', scope: 'read', tenant: 'acme' });
    assert.equal((await open.ask('/api/v1/runs')).status, 200);
    const { body } = await open.ask<{ tenant: string }>('/api/v1/caller', { key });
    assert.equal(body.tenant, 'acme', 'who shows a key is held to it');
  });

  it('is not opened to a page that gives its own name our address', async () => {
    await using at = await HttpScene.open({ hostNames: ['proxy.local'] });
    const from = (name: string) =>
      at.bytes(`GET /api/v1/runs HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
    assert.equal(problemIn(await from('evil.example')).code, 'http.wrong_host');
    assert.equal(problemIn(await from(`evil.example:${at.server.port}`)).code, 'http.wrong_host');
    for (const name of ['localhost', '127.0.0.1:80', '[::1]:80', 'proxy.local:443']) {
      assert.match(await from(name), /^HTTP\/1.1 200 /, name);
    }
  });

  it('notes the use of a key, coarsely', async () => {
    await using at = await HttpScene.open();
    const { key } = await at.hf.keys.create({ name: 'one', scope: 'read' });
    await at.ask('/api/v1/caller', { key });
    const used = async () => (await at.hf.keys.list())[0]?.usedAt ?? null;
    while ((await used()) === null);
    const first = await used();
    await at.ask('/api/v1/caller', { key });
    assert.equal(await used(), first);
  });
});

describe('scopes', patience, () => {
  const asks: readonly (readonly [KeyScope, string, string, unknown?])[] = [
    ['read', 'GET', '/api/v1/runs'],
    ['read', 'GET', '/api/v1/functions'],
    ['read', 'GET', '/api/v1/counts'],
    ['read', 'GET', '/api/v1/nodes'],
    ['read', 'GET', '/api/v1/runs/none/logs/stream'],
    ['start', 'POST', '/api/v1/functions/greet/runs', { input: 'a' }],
    ['start', 'POST', '/api/v1/functions/greet/runs/many', { items: [] }],
    ['operate', 'POST', '/api/v1/runs/none/cancel'],
    ['operate', 'POST', '/api/v1/runs/none/retry'],
    ['operate', 'POST', '/api/v1/functions/greet/pause'],
    ['operate', 'POST', '/api/v1/lanes/l/resume'],
    ['operate', 'POST', '/api/v1/operations', { action: 'cancel', filter: { tag: 't' } }],
    ['admin', 'PUT', '/api/v1/tenants/acme', { weight: 1 }],
  ];

  it('let each do what it and those before it may, and nothing more', async () => {
    await using at = await HttpScene.open();
    const order: readonly KeyScope[] = ['read', 'start', 'operate', 'admin'];
    for (const scope of order) {
      const { key } = await at.hf.keys.create({ name: scope, scope });
      // A key that was made just now is known within a tenth of a second.
      while ((await at.ask('/api/v1/caller', { key })).status === 401);
      for (const [asked, method, path, body] of asks) {
        const told = await at.ask<{ code?: string } | null>(path, { method, body, key });
        const denied = told.body?.code === 'auth.denied';
        const may = order.indexOf(scope) >= order.indexOf(asked);
        assert.equal(denied, !may, `${scope}: ${method} ${path} gave ${told.status}`);
      }
    }
  });
});

describe('CORS', patience, () => {
  const origin = 'https://app.example';
  const preflight = { origin, 'access-control-request-method': 'POST' };

  it('is off unless an origin is named', async () => {
    await using at = await HttpScene.open();
    const headers = { origin };
    const told = await at.ask('/livez', { headers });
    assert.equal(told.headers.get('access-control-allow-origin'), null);
    const path = '/api/v1/operations';
    await at.refused('http.wrong_method', path, { method: 'OPTIONS', headers: preflight });
  });

  it('is for the named origins alone', async () => {
    await using at = await HttpScene.open({ corsOrigins: [origin] });
    const told = await at.ask('/livez', { headers: { origin } });
    assert.equal(told.headers.get('access-control-allow-origin'), origin);
    const other = await at.ask('/livez', { headers: { origin: 'https://other.example' } });
    assert.equal(other.headers.get('access-control-allow-origin'), null);
    assert.equal(other.headers.get('vary'), 'origin');
    const asked = await at.ask('/api/v1/operations', { method: 'OPTIONS', headers: preflight });
    assert.equal(asked.status, 204);
    assert.equal(asked.headers.get('access-control-allow-methods'), 'POST, GET, HEAD');
  });

  it('lets a named page read what was refused at the door, too', async () => {
    await using at = await HttpScene.open({ corsOrigins: [origin], requestsMax: 1 });
    const id = await at.start('wait', 'k');
    const waits = at.ask(`/api/v1/runs/${id}/result?waitMs=60000`);
    while (at.hf.stats().waits === 0) await new Promise(setImmediate);
    const told = await at.refused('http.busy', '/api/v1/runs', { headers: { origin } });
    assert.equal(told.headers.get('access-control-allow-origin'), origin);
    assert.match(told.headers.get('access-control-expose-headers') ?? '', /retry-after/);
    at.meet('k').resolve();
    await waits;
  });

  it('takes origins as browsers write them', async () => {
    await using hf = await Holdfast.open({ store: 'memory:' });
    for (const wrong of ['*', 'null', 'app.example', `${origin}/`, `${origin}/path`]) {
      const asked = serveHttp(hf, { port: 0, corsOrigins: [wrong] });
      await assert.rejects(asked, { code: 'request.invalid' }, wrong);
    }
  });
});

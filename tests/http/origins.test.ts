/** What pages of other origins may do where no key is asked for: nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HttpScene } from './scene.ts';

const patience = { timeout: 60_000 };
const evil = 'https://evil.example';
const named = 'https://app.example';
const pause = '/api/v1/functions/greet/pause';

/** What a browser sends for `fetch(url, { method: 'POST', mode: 'no-cors' })`. */
const simplePost = (at: HttpScene, path: string, origin: string) =>
  at.fetch(path, { method: 'POST', headers: { origin } });

describe('a page of another origin', patience, () => {
  it('changes nothing on a server without keys, though its browser would send it', async () => {
    await using at = await HttpScene.open({ corsOrigins: [named] });
    for (const origin of [evil, 'null', 'https://app.example.evil', `${named}:8443`, 'file://']) {
      const headers = { origin };
      await at.refused('http.wrong_origin', pause, { method: 'POST', headers });
    }
    assert.deepEqual(await at.hf.pauses(), []);
    assert.equal((await simplePost(at, pause, named)).status, 204);
    assert.equal((await at.hf.pauses()).length, 1);
  });

  it('holds no stream and reads nothing there, either', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('wait', 'k');
    const headers = { origin: evil };
    await at.refused('http.wrong_origin', `/api/v1/runs/${id}/logs/stream`, { headers });
    await at.refused('http.wrong_origin', '/api/v1/runs', { headers });
    assert.equal(at.server.load().streams, 0);
    assert.equal((await at.ask('/livez', { headers })).status, 200);
  });

  it('changes nothing, either, where anybody may do everything', async () => {
    await using at = await HttpScene.open({ allowAnonymous: true });
    await at.refused('http.wrong_origin', pause, { method: 'POST', headers: { origin: evil } });
  });

  it('may do what its key allows: no page has the key of another', async () => {
    await using at = await HttpScene.open();
    const { key } = await at.hf.keys.create({ name: 'page', scope: 'operate' });
    const headers = { origin: evil };
    assert.equal((await at.ask(pause, { method: 'POST', headers, key })).status, 204);
  });
});

describe('a page of the server itself', patience, () => {
  it('needs no naming, behind what ends TLS as well', async () => {
    await using at = await HttpScene.open({ hostNames: ['jobs.example'] });
    assert.equal((await simplePost(at, pause, at.server.url)).status, 204);
    const asked = (host: string, origin: string): Promise<string> =>
      at.bytes(
        `GET /api/v1/runs HTTP/1.1\r\nHost: ${host}\r\nOrigin: ${origin}\r\n` +
          'Connection: close\r\n\r\n',
      );
    const own = /^HTTP\/1.1 200 /;
    assert.match(await asked('jobs.example', 'https://jobs.example'), own);
    assert.match(await asked('jobs.example:443', 'https://jobs.example'), own);
    const other = /^HTTP\/1.1 403 /;
    assert.match(await asked('jobs.example:8443', 'https://jobs.example'), other);
    assert.match(await asked('localhost', 'https://jobs.example'), other);
  });
});

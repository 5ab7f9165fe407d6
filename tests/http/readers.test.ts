/** Readers who take nothing of a plain answer, and readers whose key is revoked meanwhile. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HttpScene } from './scene.ts';

const patience = { timeout: 60_000 };

describe('a client that never reads', patience, () => {
  it('is cut off within its time, alone, and holds nothing from then on', async () => {
    await using at = await HttpScene.open({ streamStallMs: 200 });
    const id = await at.start('greet', 'Ada');
    await at.hf.runs.result(id);
    // More than all buffers of the system hold.
    const { explain } = at.hf.runs;
    const said = await explain.call(at.hf.runs, id);
    at.hf.runs.explain = async () => ({ ...said, sentence: 'x'.repeat(64_000_000) });
    const stuck = at.dial();
    stuck.pause();
    stuck.on('error', () => {});
    stuck.write(`GET /api/v1/runs/${id}/explain HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    while (at.server.load().requests === 0) await new Promise(setImmediate);
    assert.equal((await at.ask(`/api/v1/runs/${id}/result`)).status, 200);
    while (at.server.load().requests > 0) await new Promise(setImmediate);
    const ended = new Promise<unknown>((resolve) => {
      stuck.once('close', resolve);
    });
    let bytes = 0;
    stuck.on('data', (chunk) => {
      bytes += chunk.length;
    });
    stuck.on('end', () => stuck.destroy());
    stuck.resume();
    await ended;
    assert.ok(bytes < 64_000_000, `${bytes} bytes came`);
  });

  it('is not one who waits: for a result, or for a stream on which nothing happens', async () => {
    await using at = await HttpScene.open({ streamStallMs: 100, streamBeatMs: 60_000 });
    const id = await at.start('wait', 'k');
    const stream = await at.fetch(`/api/v1/runs/${id}/logs/stream`);
    const waits = await at.ask<{ code: string }>(`/api/v1/runs/${id}/result?waitMs=500`);
    assert.equal(waits.body.code, 'wait.timeout');
    at.meet('k').resolve();
    assert.match(await stream.text(), /event: end/);
  });
});

describe('a stream whose key is revoked', patience, () => {
  for (const what of ['logs', 'parts']) {
    it(`ends with a word, and the others go on: ${what}`, async () => {
      await using at = await HttpScene.open();
      const keys = await Promise.all(
        ['one', 'two'].map((name) => at.hf.keys.create({ name, scope: 'read' })),
      );
      const { id } = await at.hf.start('wait', 'k');
      const path = `/api/v1/runs/${id}/${what}/stream`;
      const [first, second] = await Promise.all(keys.map(({ key }) => at.fetch(path, { key })));
      await at.hf.keys.revoke(keys[0]?.id ?? '');
      assert.match((await first?.text()) ?? '', /event: problem\ndata: .*auth\.missing/);
      assert.equal(at.server.load().streams, 1);
      at.meet('k').resolve();
      assert.match((await second?.text()) ?? '', /event: end/);
    });
  }

  it('ends as well for whoever was let in before there were keys', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('wait', 'k');
    const stream = await at.fetch(`/api/v1/runs/${id}/logs/stream`);
    await at.hf.keys.create({ name: 'first', scope: 'read' });
    assert.match(await stream.text(), /event: problem\ndata: .*auth\.missing/);
  });

  it('goes on for everybody where everybody may', async () => {
    await using at = await HttpScene.open({ allowAnonymous: true });
    const { key, id: keyId } = await at.hf.keys.create({ name: 'one', scope: 'read' });
    const id = await at.start('wait', 'k');
    const path = `/api/v1/runs/${id}/logs/stream`;
    const open = await at.fetch(path);
    const keyed = await at.fetch(path, { key });
    await at.hf.keys.revoke(keyId);
    assert.match(await keyed.text(), /auth\.missing/);
    at.meet('k').resolve();
    assert.match(await open.text(), /event: end/);
  });
});

/** How values that are more than JSON, and values that are sealed, look over HTTP. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aesGcm, defineFunction, richValues } from 'holdfast';
import { temporaryFolder } from '../e2e/call.ts';
import { HttpScene } from './scene.ts';

const key = Buffer.alloc(32, 'one');
const sealed = { codec: { cipher: aesGcm({ keys: [{ id: 'one', key }] }) } };

describe('payloads over HTTP', { timeout: 60_000 }, () => {
  it('show rich values as the JSON that comes nearest', async () => {
    const rich = defineFunction({
      name: 'rich',
      run: async (_: unknown, ctx) => {
        ctx.progress(12n);
        await ctx.step('map', () => new Map([['a', 1]]));
        return {
          at: new Date(0),
          big: 7n,
          set: new Set([1]),
          bytes: new Uint8Array([1, 2]),
          where: new URL('https://example.com/'),
          how: /x/i,
          none: undefined,
          infinite: 1 / 0,
          why: new RangeError('no'),
        };
      },
    });
    const codec = { values: richValues() };
    await using scene = await HttpScene.open({}, 'memory', { functions: [rich], codec });
    const run = await scene.hf.start(rich, new Date(5));
    const shown = {
      at: '1970-01-01T00:00:00.000Z',
      big: '7',
      set: [1],
      bytes: 'AQI=',
      where: 'https://example.com/',
      how: '/x/i',
      infinite: 'Infinity',
      why: { name: 'RangeError', message: 'no' },
    };
    const path = `/api/v1/runs/${run.id}`;
    const result = await scene.ask<{ result: unknown }>(`${path}/result?waitMs=20000`);
    assert.deepEqual(result.body.result, shown);
    const whole = await scene.ask<Record<string, unknown>>(path);
    const { input, progress } = whole.body;
    assert.deepEqual([input, progress], ['1970-01-01T00:00:00.005Z', '12']);
    assert.deepEqual(whole.body.result, shown);
    const steps = await scene.ask<{ steps: { value: unknown }[] }>(`${path}/steps`);
    assert.deepEqual(steps.body.steps[0]?.value, [['a', 1]]);
  });

  it('show envelopes as they are where the server has no key', async () => {
    const echo = defineFunction({ name: 'echo', run: (word: string) => word });
    using folder = temporaryFolder();
    const store = folder.at('sealed.db');
    await using scene = await HttpScene.open({}, 'memory', { store, functions: [echo], ...sealed });
    const run = await scene.hf.start(echo, 'kingfisher');
    await run.result();
    const path = `/api/v1/runs/${run.id}`;
    const open = await scene.ask<{ result: unknown }>(`${path}/result`);
    assert.equal(open.body.result, 'kingfisher');
    await using bare = await HttpScene.open({}, 'memory', { store, execute: false });
    for (const asked of [path, `${path}/result`, `${path}/result?waitMs=1000`]) {
      const { status, body } = await bare.ask<{ result: Record<string, unknown> }>(asked);
      assert.equal(status, 200);
      assert.deepEqual([body.result.$hf, body.result.k], ['aes-256-gcm', 'one']);
      assert.ok(!JSON.stringify(body).includes('kingfisher'));
    }
  });
});

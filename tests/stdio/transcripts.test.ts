/** What real agents were seen to send, byte for byte, and what goes back to them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction } from 'holdfast';
import { StdioScene } from '../calls/scene.ts';

const echo = defineFunction({
  name: 'probe-echo',
  run: (_: unknown, ctx) => ({
    args: ctx.call?.args,
    body: ctx.call?.body === null ? null : new TextDecoder().decode(ctx.call?.body),
    source: ctx.call?.source,
    access: ctx.call?.access,
  }),
});
const wait = defineFunction({
  name: 'probe-wait',
  run: async (_: unknown, ctx) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    ctx.signal.addEventListener('abort', () => resolve());
    await promise;
    ctx.signal.throwIfAborted();
  },
});

const open = (): Promise<StdioScene> => StdioScene.open({ functions: [echo, wait] });
const source = 'method=none,role=any,permissions=0x8,ip=localhost';
const seconds = Math.floor(Date.parse('2030-01-01T00:00:00Z') / 1_000);

describe('an agent', () => {
  it('that sends six words, a payload, a cancel and an unterminated QUIT', async () => {
    const scene = await open();
    await scene.send(
      `FUNCTION dec3c42986814f9fa8a0e3fa1d2a3737 10 "probe-echo hello world" "0x8" "${source}"\n`,
    );
    const body = { args: ['hello', 'world'], body: null, source, access: 8 };
    const answer =
      `FUNCTION_RESULT_BEGIN dec3c42986814f9fa8a0e3fa1d2a3737 200 application/json ${seconds}\n` +
      `${JSON.stringify(body)}\nFUNCTION_RESULT_END\n\n`;
    assert.ok(scene.text.endsWith(answer), scene.text);
    const payload = '{\n  "a": 1,\n\n  "b": 2\n}';
    await scene.send(
      `FUNCTION_PAYLOAD 10786f00bbfe 10 "probe-echo payload" "0x8" "${source}" ` +
        `"application/json"\n${payload}\nFUNCTION_PAYLOAD_END\n`,
    );
    assert.equal(JSON.parse(scene.body('10786f00bbfe')).body, payload);
    await scene.send(
      `FUNCTION a451d08bbc404197a24772916e849ba3 10 "probe-wait" "0x8" "${source}"\n`,
    );
    await scene.send('FUNCTION_PROGRESS 0123456789abcdef0123456789abcdef\n');
    await scene.send('FUNCTION_CANCEL a451d08bbc404197a24772916e849ba3\n');
    assert.equal(scene.status('a451d08bbc404197a24772916e849ba3'), 499);
    await scene.send('QUIT');
    await scene.endInput();
    await scene.pass(1);
    assert.equal(scene.ended, 'quit');
    await scene.close();
  });

  it('that is old sends four words', async () => {
    const scene = await open();
    const uid = '0b1c2d3e-4f50-4a6b-8c7d-9e0f1a2b3c4d';
    await scene.send(`FUNCTION ${uid} 10 "probe-echo hello"\n`);
    const { args, access } = JSON.parse(scene.body(uid));
    assert.deepEqual([args, access], [['hello'], 0]);
    await scene.close();
  });

  it('is shown that the plugin lives once a second, and what it registers', async () => {
    const scene = await open();
    assert.deepEqual(scene.lines, [
      'FUNCTION GLOBAL "probe-echo" 60 "probe-echo" "holdfast" 0x0000 100 1',
      'FUNCTION GLOBAL "probe-wait" 60 "probe-wait" "holdfast" 0x0000 100 1',
    ]);
    const before = scene.text.length;
    await scene.pass(10_000);
    assert.equal(scene.text.slice(before), '\n'.repeat(10));
    scene.hf.calls.serve(defineFunction({ name: 'config', run: () => 'not registered' }));
    scene.hf.calls.serve(defineFunction({ name: 'two words', run: () => 'not registered' }));
    scene.hf.calls.withdraw('probe-wait');
    await scene.send(`FUNCTION u1 10 "config x" "0x8" "${source}"\n`);
    assert.equal(scene.lines.length, 3);
    assert.equal(scene.lines.at(-1), 'FUNCTION_DEL GLOBAL "probe-wait"');
    assert.equal(scene.body('u1'), '"not registered"');
    await scene.close();
  });
});

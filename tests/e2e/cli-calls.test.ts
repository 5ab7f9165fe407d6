/** Calls from the command line: over HTTP, in this process, and looked at. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { defineScript } from 'holdfast';
import { HttpScene } from '../http/scene.ts';
import { call } from './call.ts';

const app = join(import.meta.dirname, '../stdio/app.ts');

let scene: HttpScene;
let env: Record<string, string>;
beforeEach(async () => {
  scene = await HttpScene.open();
  env = { HOLDFAST_SERVER: scene.server.url };
});
afterEach(() => scene[Symbol.asyncDispose]());

describe('holdfast call', () => {
  it('prints the result, as text or as JSON', async () => {
    const said = await call(['call', 'greet', '"Ada"'], { env });
    assert.deepEqual([said.exit, said.out], [0, 'hello Ada\n']);
    const json = await call(['call', 'greet', '"Ada"', '--json', '--server', scene.server.url]);
    assert.deepEqual(JSON.parse(json.out), { result: 'hello Ada' });
  });

  it('calls an app module in this process', async () => {
    const said = await call(['call', 'probe-echo', '[1,2]', '--app', app, '--json']);
    assert.deepEqual([said.exit, JSON.parse(said.out)], [0, { result: [1, 2] }]);
    const wrong = await call(['call', 'nobody', '--app', app]);
    assert.equal(wrong.exit, 2);
    assert.match(wrong.err, /it exports: .*probe-echo/);
  });

  it('fails as the call does, with what to do', async () => {
    const late = await call(['call', 'wait', '"x"', '--timeout', '50ms'], { env });
    assert.equal(late.exit, 1);
    assert.match(late.err, /was not answered in its time/);
    const unknown = await call(['call', 'nobody'], { env });
    assert.equal(unknown.exit, 4);
  });
});

describe('holdfast top', () => {
  it('shows how the VMs of each function stand', async () => {
    const source = 'if input == nil then error("no number") end return input + 1';
    const script = defineScript({ name: 'plus', language: 'lua', source });
    scene.hf.calls.serve(script);
    const said = await call(['call', 'plus', '41'], { env });
    assert.deepEqual([said.exit, said.out], [0, '42\n']);
    const { out } = await call(['top'], { env });
    assert.match(out, /^FUNCTION +VMS +BUSY +WAITING +CREATED +POISONED$/m);
    assert.match(out, /^plus +1 +0 +0 +1 +0$/m);
    await script.close();
  });

  it('shows calls and lanes once, where the output is no terminal', async () => {
    const seats = ['a', 'b'].map((input) => scene.hf.call('seat', input, { id: `call-${input}` }));
    await scene.meet('begun a').promise;
    const { exit, out } = await call(['top'], { env });
    assert.equal(exit, 0);
    assert.match(out, /^calls: 1 of 1000 running, 1 of 10000 queued/m);
    assert.match(out, /^call-a +seat +running +the seat/m);
    assert.match(out, /^call-b +seat +queued +the seat/m);
    assert.match(out, /^the seat +1 +1 +open/m);
    const { out: json } = await call(['top', '--json'], { env });
    assert.equal((JSON.parse(json) as { calls: unknown[] }).calls.length, 2);
    for (const key of ['a', 'b']) scene.meet(key).resolve();
    await Promise.all(seats);
  });
});

/** The command line against an app that runs: `holdfast up --http`, called, told and watched. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import type { LiveCalls } from 'holdfast/client';
import { appPath, call, endOf, startProcess, temporaryFolder } from './call.ts';

const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());
const store = folder.at('exchange.db');

let child: ChildProcess;
let url = '';

before(async () => {
  const words = ['up', appPath('exchange'), '--http', '127.0.0.1:0', '--store', store, '--json'];
  child = startProcess(words);
  assert.ok(child.stdout !== null);
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as { http?: unknown };
    if (typeof event.http !== 'string') continue;
    url = event.http;
    return;
  }
  assert.fail('it ended before it served');
});
after(async () => {
  child.kill('SIGTERM');
  await endOf(child);
});

const asking = (...words: string[]) => call([...words, '--server', url]);
const looking = (...words: string[]) => call([...words, '--store', store]);

async function watched(): Promise<LiveCalls> {
  return JSON.parse((await asking('top', '--json')).out) as LiveCalls;
}

describe('holdfast call --server', { timeout: 60_000 }, () => {
  it('prints the result of a function of the app, a script among them', async () => {
    const { exit, out } = await asking('call', 'exchange.add', '[1,2]');
    assert.deepEqual([exit, out], [0, '3\n']);
    assert.equal((await asking('call', 'exchange.plus', '41')).out, '42\n');
    const failed = await asking('call', 'exchange.fail');
    assert.equal(failed.exit, 1);
    assert.match(failed.err, /nothing to exchange.*\[call\.failed\]/);
    assert.doesNotMatch(failed.err, /\n {4}at /, 'and no stack');
  });

  it('is seen by top while it is under way, and gives up at its time', async () => {
    const held = asking('call', 'exchange.hold', '"a"', '--id', 'first');
    while ((await watched()).calls.length < 1);
    const late = await asking('call', 'exchange.hold', '"b"', '--timeout', '100ms');
    assert.equal(late.exit, 1);
    assert.match(late.err, /call\.timed_out/);
    const twice = await asking('call', 'exchange.add', '[1,2]', '--id', 'first');
    assert.match(twice.err, /call\.duplicate/);
    const { out } = await asking('top');
    assert.match(out, /^first +exchange\.hold +running +exchange /m);
    assert.match(out, /^exchange +1 +0 +open$/m);
    assert.match(out, /^exchange\.plus +1 +0 +0 +1 +0$/m);
    assert.equal((await asking('call', 'exchange.release', '"a"')).out, 'true\n');
    assert.equal((await held).out, 'released a\n');
    assert.deepEqual((await watched()).lanes, []);
  });

  it('says what to do where no server is', async () => {
    const { exit, err } = await call(['call', 'x', '--server', 'http://127.0.0.1:1']);
    assert.notEqual(exit, 0);
    assert.match(err, /holdfast up <app> --http/);
  });
});

describe('holdfast signal --wait', { timeout: 60_000 }, () => {
  it('tells a run of the app something, and prints what it answers', async () => {
    const started = await looking('start', 'exchange.desk', '2', '--json');
    const { id } = JSON.parse(started.out) as { id: string };
    const first = await looking('signal', id, 'book', '--data', '{"seats":1}', '--wait', '30s');
    assert.deepEqual([first.exit, first.out], [0, 'accepted: {"free":1}\n']);
    const silent = await looking('signal', id, 'mumble', '--wait', '200ms', '--id', 'm');
    assert.notEqual(silent.exit, 0);
    assert.match(silent.err, /wait\.timeout/);
    const again = await looking('signal', id, 'mumble', '--id', 'm');
    assert.match(again.out, /m was sent before/);
    const last = await looking('signal', id, 'book', '--wait', '30s', '--json');
    assert.deepEqual(JSON.parse(last.out).answer, { state: 'accepted', value: { free: 0 } });
    const unheard = await looking('signal', id, 'mumble', '--id', 'm', '--wait', '30s');
    assert.deepEqual([unheard.exit, unheard.out], [1, 'the run ended without an answer\n']);
  });
});

/**
 * The defects that are known of the design that calls come from, by their numbers: each must not be
 * there.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { defineFunction, type HoldfastError } from 'holdfast';
import { limits } from '../../src/core/limits.ts';
import { Metrics } from '../http/exposition-reader.ts';
import { held, type Watched, watchedFunctions } from './functions.ts';
import { called, cancelled, type SceneOptions, StdioScene, withBody } from './scene.ts';

let watched: Watched;
let scene: StdioScene;

async function reopen(options: SceneOptions = {}): Promise<void> {
  await scene?.close();
  watched = watchedFunctions();
  scene = await StdioScene.open({ functions: watched.functions, ...options });
}

beforeEach(() => reopen());
afterEach(async () => {
  for (const id of watched.begun) watched.meet(id).resolve();
  await scene.close();
});

describe('a duplicate', () => {
  it('1. of a call under way ends nobody, whatever else is wrong with it', async () => {
    await reopen({ compat: true });
    await scene.send(called('tx1', 'hold'));
    const frame = withBody('tx1', 'hold', 'body');
    await scene.send(
      called('tx1', 'nobody'),
      'FUNCTION tx1 nope "hold"\n',
      frame.replace('FUNCTION_PAYLOAD_END\n', 'FUNCTION_CANCEL other\n'),
      called('tx2', 'echo'),
      withBody('tx1', 'echo', 'no json'),
    );
    void scene.hf.calls.drain(8_000);
    await scene.send(called('tx1', 'hold'));
    assert.equal(scene.status('tx1'), null);
    watched.meet('tx1').resolve();
    await scene.send();
    assert.equal(scene.body('tx1'), '"held tx1"');
  });

  it('9. of a call that was refused is a new call', async () => {
    await reopen({ calls: { slots: 1, queueMax: 1 } });
    await scene.send(called('a', 'free'), called('b', 'free'), called('c', 'free'));
    watched.meet('a').resolve();
    await scene.send();
    await scene.send(called('c', 'free'));
    watched.meet('b').resolve();
    watched.meet('c').resolve();
    await scene.send();
    assert.deepEqual(
      scene.results.filter(({ uid }) => uid === 'c').map(({ status }) => status),
      [503, 200],
    );
  });

  it('10. costs no more for being remembered, and memory is bounded', async () => {
    const { calls } = scene.hf;
    const count = limits.callTombstonesMax + 100;
    for (let n = 0; n < count; n += 1) await calls.call('echo', n, { id: `id-${n}` });
    assert.equal(calls.stats().tombstones, limits.callTombstonesMax);
    await assert.rejects(calls.call('echo', 0, { id: `id-${count - 1}` }), {
      code: 'call.duplicate',
    });
    assert.equal(await calls.call('echo', 1, { id: 'id-1' }), 1);
  });
});

describe('a call', () => {
  it('2. has a deadline, with and without code that answers', async () => {
    await scene.send(called('tx1', 'hold', 2), called('tx2', 'later', 2));
    await scene.pass(2_020);
    assert.deepEqual([scene.status('tx1'), scene.status('tx2')], [504, 504]);
  });

  it('3. that its code does not end holds its lane, which is set in quarantine', async () => {
    await scene.send(called('tx1', 'hold'), called('tx2', 'hold', 120), cancelled('tx1'));
    await scene.pass(80);
    assert.equal(scene.status('tx1'), 499);
    assert.deepEqual(watched.begun, ['tx1']);
    assert.ok(scene.logged.some(({ message }) => /goes on although/.test(message)));
    await scene.pass(limits.callQuarantineMs + 20);
    assert.equal(scene.hf.calls.stats().lanesQuarantined, 1);
    assert.ok(scene.logged.some(({ message }) => /in quarantine/.test(message)));
    await scene.send(called('tx3', 'hold'));
    assert.equal(scene.status('tx3'), 503);
    watched.meet('tx1').resolve();
    await scene.send(called('tx4', 'hold'));
    assert.deepEqual(watched.begun, ['tx1', 'tx2']);
    assert.equal(scene.hf.calls.stats().lanesQuarantined, 0);
  });

  it('4. that does not end stops no other function', async () => {
    await scene.send(called('tx1', 'hold'), called('tx2', 'echo'));
    assert.equal(scene.status('tx2'), 200);
  });

  it('5. leaves nothing behind when it ends, and its code has a signal', async () => {
    for (let n = 0; n < 100; n += 1) await scene.send(called(`u${n}`, 'echo'));
    const { queued, running, awaiting, deadlines, lanes, stuck } = scene.hf.calls.stats();
    assert.deepEqual([queued, running, awaiting, deadlines, lanes, stuck], [0, 0, 0, 0, 0, 0]);
    await scene.send(called('tx1', 'obey'), cancelled('tx1'));
    assert.equal(scene.status('tx1'), 200);
  });

  it('15. is refused with 403 without the bits of access that its function needs', async () => {
    scene.hf.calls.serve(
      defineFunction({ name: 'secret', call: { access: 0x13 }, run: () => 'secret' }),
    );
    const ask = (uid: string, access: string): string =>
      `FUNCTION ${uid} 10 "secret" "${access}" "s"\n`;
    await scene.send(ask('all', '0x13'), ask('more', '0xFFFF'), ask('some', '0x11'));
    await scene.send(ask('none', ''), ask('odd', 'admin'), 'FUNCTION old 10 "secret"\n');
    const statuses = ['all', 'more', 'some', 'none', 'odd', 'old'].map((uid) => scene.status(uid));
    assert.deepEqual(statuses, [200, 200, 403, 403, 403, 403]);
  });

  it('16. reports its progress to the agent, and none once it is over', async () => {
    let late = (): void => {};
    scene.hf.calls.serve(
      defineFunction({
        name: 'steps',
        run: (_: unknown, ctx) => {
          ctx.progress(1);
          ctx.progress({ done: 2.5, all: 4 });
          ctx.progress('half way');
          late = () => ctx.progress(3);
        },
      }),
    );
    await scene.send(called('u', 'steps'));
    late();
    await scene.send();
    const told = scene.lines.filter((line) => line.startsWith('FUNCTION_PROGRESS'));
    assert.deepEqual(told, ['FUNCTION_PROGRESS u 1 0', 'FUNCTION_PROGRESS u 2 4']);
  });

  it('18. that waits may be kept from being cancelled, one function at a time', async () => {
    scene.hf.calls.serve(held(watched, 'effect', { lane: 'e', call: { cancelQueued: false } }));
    await scene.send(...['e1', 'e2'].map((uid) => called(uid, 'effect')));
    await scene.send(...['h1', 'h2'].map((uid) => called(uid, 'hold')));
    await scene.send(cancelled('e2'), cancelled('h2'));
    assert.deepEqual([scene.status('e2'), scene.status('h2')], [null, 499]);
  });
});

describe('the end', () => {
  it('6. comes as soon as all are answered, however many wait on one lane', async () => {
    await scene.send(...['a', 'b', 'c'].map((uid) => called(uid, 'hold')), cancelled('b'));
    await scene.endInput();
    watched.meet('a').resolve();
    watched.meet('c').resolve();
    await scene.pass(1);
    assert.equal(scene.ended, 'eof');
  });

  it('7. gives a promised answer its time', async () => {
    await scene.send(called('a', 'later'), 'QUIT\n');
    await scene.pass(7_900);
    watched.laters.get('a')?.succeed('just in time');
    await scene.pass(10);
    assert.equal(scene.body('a'), '"just in time"');
  });

  it('8. comes when nothing can be written; answers come before the next call', async () => {
    const order: string[] = [];
    scene.hf.calls.serve(
      defineFunction({
        ...{ name: 'chatty', lane: 'chatty' },
        run: (_: unknown, ctx) => {
          ctx.progress(1);
          return ctx.runId;
        },
      }),
    );
    await scene.send(...['a', 'b'].map((uid) => called(uid, 'chatty')));
    for (const [, word = '', uid = ''] of scene.text.matchAll(
      /^(FUNCTION_PROGRESS|FUNCTION_RESULT_BEGIN) (\w)/gm,
    )) {
      order.push(`${word === 'FUNCTION_PROGRESS' ? 'progress' : 'result'} ${uid}`);
    }
    assert.deepEqual(order, ['progress a', 'result a', 'progress b', 'result b']);
    await scene.send(called('c', 'hold'));
    scene.output.destroy(new Error('nobody reads'));
    await scene.send(called('d', 'echo'));
    await scene.pass(2_100);
    assert.equal(scene.ended, 'write-failed');
    assert.equal(scene.hf.calls.stats().cancelled, 1);
  });
});

describe('the wire', () => {
  it('11. keeps bodies as they are, and a long line ends nothing', async () => {
    const body = 'a:\n\n  - "b"\t\r\n\n';
    await scene.send(withBody('u', 'echo', body, 'text/yaml'), `${'x'.repeat(70_000)}\n`);
    await scene.send(called('v', 'echo'));
    assert.equal(scene.body('u'), JSON.stringify(body));
    assert.equal(scene.status('v'), 200);
    assert.equal(scene.ended, null);
  });

  it('12. answers frames that are malformed or cut off', async () => {
    await scene.send('FUNCTION a nope "echo"\n', 'FUNCTION b 10\n', 'FUNCTION c 10 "echo" "x" \n');
    await scene.send(withBody('d', 'echo', '1').replace('FUNCTION_PAYLOAD_END\n', ''));
    await scene.endInput();
    const statuses = ['a', 'b', 'c', 'd'].map((uid) => scene.status(uid));
    assert.deepEqual(statuses, [400, 400, 400, 400]);
  });

  it('13. never writes the end of a frame within one', async () => {
    await scene.send(withBody('u', 'echo', 'FUNCTION_RESULT_END', 'text/plain'));
    assert.equal(scene.status('u'), 500);
  });

  it('14. obeys nothing in a body, unless it is asked to', async () => {
    const body = `one\nQUIT\n${cancelled('tx1')}FUNCTION_PROGRESS tx1\nFUNCTION_DEL x`;
    await scene.send(called('tx1', 'hold'), withBody('u', 'echo', body, 'text/plain'));
    assert.equal(scene.body('u'), JSON.stringify(body));
    assert.equal(scene.status('tx1'), null);
    assert.equal(scene.ended, null);
    const cut = withBody('cut', 'echo', 'one').replace('FUNCTION_PAYLOAD_END\n', '');
    await scene.send(cut, 'FUNCTION old 10 "echo"\n', called('next', 'echo'));
    assert.deepEqual(
      ['cut', 'old', 'next'].map((uid) => scene.status(uid)),
      [400, null, 200],
    );
    await reopen({ compat: true });
    await scene.send(called('tx1', 'hold'), withBody('u', 'echo', body, 'text/plain'));
    assert.equal(scene.quits, 1);
  });

  it('17. is read while there is no room', async () => {
    await reopen({ calls: { slots: 1, queueMax: 1 } });
    const many = Array.from({ length: 100 }, (_, n) => called(`u${n}`, 'free'));
    await scene.send(...many, cancelled('u1'));
    assert.equal(scene.status('u1'), 499);
    assert.equal(scene.results.filter(({ status }) => status === 503).length, 98);
  });

  it('19. goes on after a duplicate body, an unknown line and a backslash', async () => {
    await scene.send(called('tx1', 'hold'), withBody('tx1', 'echo', '1'), 'what is this\n');
    await scene.send('FUNCTION u 10 "echo C:\\temp \\x" "0x0" "s"\n');
    assert.equal(scene.status('tx1'), null);
    assert.deepEqual(JSON.parse(scene.body('u')), ['C:\\temp', '\\x']);
  });
});

describe('what was missing', () => {
  it('20. is there: limits by tenant and function, ids, and latencies', async () => {
    await reopen({
      calls: { tenants: { small: { runningMax: 1, waitingMax: 0 } } },
    });
    scene.hf.calls.serve(held(watched, 'one', { concurrency: 1 }));
    const code = (id: string, fn: string, tenant: string): Promise<unknown> =>
      scene.hf.call(fn, null, { id, tenant }).catch((error) => (error as HoldfastError).code);
    void code('a', 'free', 'small');
    assert.equal(await code('b', 'free', 'small'), 'tenant.full');
    void code('c', 'one', 'x');
    void code('d', 'one', 'y');
    assert.deepEqual(watched.begun, ['a', 'c']);
    assert.deepEqual(
      scene.hf.calls.list().map(({ id }) => id),
      ['a', 'c', 'd'],
    );
    watched.meet('a').resolve();
    await scene.send();
    const metrics = new Metrics(await scene.hf.metrics());
    assert.equal(metrics.count('holdfast_call_duration_seconds', { function: 'free' }), 1);
    assert.ok(!(await scene.hf.metrics()).includes('small'));
  });
});

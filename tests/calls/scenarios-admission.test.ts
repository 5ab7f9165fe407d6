/** Scenarios 23 to 34: who is let in, and where it goes. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { defineFunction, HoldfastError } from 'holdfast';
import { type Watched, watchedFunctions } from './functions.ts';
import { called, cancelled, StdioScene } from './scene.ts';

const says = (name: string, word: string) => defineFunction({ name, run: () => word });

let watched: Watched;
let scene: StdioScene;
beforeEach(async () => {
  watched = watchedFunctions();
  scene = await StdioScene.open({ functions: watched.functions });
});
afterEach(() => scene.close());

describe('admission', () => {
  it('23. answers 501 for a name that nobody has', async () => {
    await scene.send(called('u', 'nobody'));
    assert.equal(scene.status('u'), 501);
  });

  it('24. answers 503 while it stops, and calls nobody', async () => {
    await scene.send(called('tx1', 'hold'));
    void scene.hf.calls.drain(8_000);
    await scene.send(called('u', 'hold'));
    assert.equal(scene.status('u'), 503);
    assert.deepEqual(watched.begun, ['tx1']);
    assert.deepEqual(
      scene.hf.calls.list().map(({ id }) => id),
      ['tx1'],
    );
  });

  it('25. writes nothing for an empty uid, and calls nobody', async () => {
    const before = scene.text;
    await scene.send('FUNCTION "" 10 "hold" "0x0" "s"\n');
    assert.equal(scene.text, before);
    assert.deepEqual(watched.begun, []);
  });

  it('26. finds the function of a prefix, and answers 404 where none fits', async () => {
    scene.hf.calls.serve(says('config', 'of the collector'), { prefix: 'collector:' });
    scene.hf.calls.serve(says('config', 'of the vnode'), { prefix: 'vnode:' });
    await scene.send(
      called('a', 'config collector:x'),
      called('b', 'config vnode:y'),
      called('c', 'config other:x'),
      called('d', 'config'),
    );
    assert.equal(scene.body('a'), '"of the collector"');
    assert.equal(scene.body('b'), '"of the vnode"');
    assert.deepEqual([scene.status('c'), scene.status('d')], [404, 404]);
  });

  it('27. refuses prefixes that overlap, and the first goes on', async () => {
    for (const [first, second] of [
      ['collector:', 'collector:job:'],
      ['inner:job:', 'inner:'],
    ] as const) {
      scene.hf.calls.serve(says('config', first), { prefix: first });
      assert.throws(
        () => scene.hf.calls.serve(says('config', second), { prefix: second }),
        (error) => error instanceof HoldfastError && error.code === 'function.conflict',
      );
    }
    await scene.send(called('a', 'config collector:job:a'), called('b', 'config inner:job:b'));
    assert.deepEqual([scene.body('a'), scene.body('b')], ['"collector:"', '"inner:job:"']);
  });

  it('28. replaces the function of a name and a prefix', async () => {
    scene.hf.calls.serve(says('config', 'old'), { prefix: 'p:' });
    scene.hf.calls.serve(says('config', 'new'), { prefix: 'p:' });
    await scene.send(called('a', 'config p:'));
    assert.equal(scene.body('a'), '"new"');
    assert.equal(scene.hf.calls.withdraw('config', { prefix: 'p:' }), true);
    assert.equal(scene.hf.calls.withdraw('config', { prefix: 'p:' }), false);
  });

  it('29. refuses what is no function, and an empty prefix', async () => {
    const nobody = { name: 'nobody', run: null } as never;
    assert.throws(() => scene.hf.calls.serve(nobody), { code: 'request.invalid' });
    assert.throws(() => scene.hf.calls.serve(says('x', ''), { prefix: '' }), {
      code: 'key.invalid',
    });
    await scene.send(called('u', 'nobody'), called('v', 'x'));
    assert.deepEqual([scene.status('u'), scene.status('v')], [501, 501]);
  });

  it('30. takes one prefix away and leaves the other; the name goes with the last', async () => {
    const { calls } = scene.hf;
    calls.serve(says('config', 'a'), { prefix: 'a:' });
    calls.serve(says('config', 'b'), { prefix: 'b:' });
    assert.equal(calls.withdraw('config', { prefix: 'a:' }), true);
    await scene.send(called('u1', 'config a:'), called('u2', 'config b:'));
    assert.deepEqual([scene.status('u1'), scene.status('u2')], [404, 200]);
    assert.equal(calls.withdraw('config', { prefix: 'b:' }), true);
    await scene.send(called('u3', 'config b:'));
    assert.equal(scene.status('u3'), 501);
    assert.equal(calls.withdraw('config', { prefix: 'z:' }), false);
    assert.equal(calls.withdraw('nobody'), false);
  });

  it('31. lets a call go where it was sent, though the name was withdrawn meanwhile', async () => {
    await scene.send(called('tx1', 'hold'), called('tx2', 'hold'));
    assert.equal(scene.hf.calls.withdraw('hold'), true);
    watched.meet('tx1').resolve();
    watched.meet('tx2').resolve();
    await scene.send(called('tx3', 'hold'));
    assert.deepEqual(
      ['tx1', 'tx2', 'tx3'].map((uid) => scene.status(uid)),
      [200, 200, 501],
    );
    assert.deepEqual(watched.begun, ['tx1', 'tx2']);
  });

  it('32. drops the uid of a call under way, and disturbs nobody', async () => {
    await scene.send(called('tx1', 'hold'), called('tx2', 'hold'), called('tx1', 'hold'));
    assert.deepEqual(watched.begun, ['tx1']);
    assert.deepEqual(scene.results, []);
    watched.meet('tx1').resolve();
    watched.meet('tx2').resolve();
    await scene.send();
    assert.deepEqual([scene.status('tx1'), scene.status('tx2')], [200, 200]);
    assert.deepEqual(watched.begun, ['tx1', 'tx2']);
    assert.equal(watched.most(), 1);
  });

  it('32. answers a uid under way that is not of this agent: nobody else would', async () => {
    const other = scene.hf.call('hold', null, { id: 'tx1' });
    await scene.send(called('tx1', 'echo'), cancelled('tx1'));
    assert.equal(scene.status('tx1'), 409);
    watched.meet('tx1').resolve();
    assert.equal(await other, 'held tx1');
  });

  it('33. answers 409 for a uid of the last minute, and lets it in after that', async () => {
    await scene.send(called('tx1', 'echo one'));
    await scene.send(called('tx1', 'echo two'));
    assert.deepEqual(
      scene.results.map(({ uid, status }) => [uid, status]),
      [
        ['tx1', 200],
        ['tx1', 409],
      ],
    );
    await scene.pass(60_000);
    await scene.send(called('tx1', 'echo three'));
    assert.equal(scene.results.at(-1)?.body, '["three"]');
  });
});

describe('a queue for one call', () => {
  it('34. refuses the next, and goes on with those that are there', async () => {
    await scene.close();
    watched = watchedFunctions();
    const { functions } = watched;
    scene = await StdioScene.open({ functions, calls: { slots: 1, queueMax: 1 } });
    await scene.send(called('tx1', 'free'), called('tx2', 'free'), called('tx3', 'free'));
    assert.equal(scene.status('tx3'), 503);
    watched.meet('tx1').resolve();
    await scene.send();
    assert.deepEqual(watched.begun, ['tx1', 'tx2']);
    watched.meet('tx2').resolve();
    await scene.send();
    assert.deepEqual([scene.status('tx1'), scene.status('tx2')], [200, 200]);
  });
});

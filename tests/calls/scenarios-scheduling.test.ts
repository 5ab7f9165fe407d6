/** Scenarios 35 to 42: who is next. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction } from 'holdfast';
import { Gate } from '../../src/core/call/gate.ts';
import { held, type Watched, watchedFunctions } from './functions.ts';
import { called, cancelled, type SceneOptions, StdioScene } from './scene.ts';

/** Opens a scene, and closes it whatever happens. */
async function within(
  options: SceneOptions,
  act: (scene: StdioScene, watched: Watched) => Promise<void>,
  more: (watched: Watched) => SceneOptions['functions'] = () => [],
): Promise<void> {
  const watched = watchedFunctions();
  const functions = [...watched.functions, ...(more(watched) ?? [])];
  const scene = await StdioScene.open({ ...options, functions });
  try {
    await act(scene, watched);
  } finally {
    for (const id of watched.begun) watched.meet(id).resolve();
    await scene.close();
  }
}

describe('lanes', () => {
  it('35. let one call of a lane execute at once', () =>
    within({ calls: { slots: 4 } }, async (scene, watched) => {
      const uids = ['a', 'b', 'c', 'd'];
      await scene.send(...uids.map((uid) => called(uid, 'hold')));
      for (const uid of uids) {
        assert.deepEqual(watched.begun.at(-1), uid);
        watched.meet(uid).resolve();
        await scene.send();
      }
      assert.equal(watched.most(), 1);
      assert.deepEqual(
        uids.map((uid) => scene.status(uid)),
        [200, 200, 200, 200],
      );
    }));

  it('36. execute side by side', () =>
    within(
      { calls: { slots: 4 } },
      async (scene, watched) => {
        await scene.send(
          ...['a1', 'a2'].map((uid) => called(uid, 'hold')),
          ...['b1', 'b2'].map((uid) => called(uid, 'other')),
        );
        assert.deepEqual(watched.begun, ['a1', 'b1']);
        for (const uid of ['a1', 'b1', 'a2', 'b2']) watched.meet(uid).resolve();
        await scene.send();
        assert.equal(scene.results.length, 4);
        assert.equal(watched.most(), 2);
      },
      (watched) => [held(watched, 'other', { lane: 'other' })],
    ));

  it('37. are held by a call that has returned and not answered', () =>
    within({}, async (scene, watched) => {
      await scene.send(called('u1', 'later'), called('u2', 'later'));
      await scene.pass(200);
      assert.deepEqual(watched.begun, ['u1']);
      watched.laters.get('u1')?.succeed('at last');
      await scene.send();
      assert.deepEqual(watched.begun, ['u1', 'u2']);
      assert.equal(scene.body('u1'), '"at last"');
    }));

  it('38. are computed from the call; what cannot be computed is the lane of the prefix', () =>
    within({}, async (scene, watched) => {
      const lane = ([word = '']: readonly string[]): string => {
        const job = word.split(':')[1] ?? '';
        if (job === 'broken') throw new Error('no lane for this one');
        return job;
      };
      const { calls } = scene.hf;
      calls.serve(held(watched, 'job', { lane }), { prefix: 'run:' });
      calls.serve(held(watched, 'job', { lane }), { prefix: 'stop:' });
      await scene.send(called('a1', 'job run:a'), called('a2', 'job run:a'));
      await scene.send(called('b1', 'job run:b'), called('c1', 'job stop:a'));
      assert.deepEqual(watched.begun, ['a1', 'b1', 'c1']);
      await scene.send(called('n1', 'job run:'), called('n2', 'job run:broken'));
      assert.deepEqual(watched.begun, ['a1', 'b1', 'c1', 'n1']);
      // Served anew without a lane, a prefix has one lane for all.
      calls.withdraw('job', { prefix: 'stop:' });
      calls.serve(held(watched, 'job'), { prefix: 'stop:' });
      await scene.send(called('d1', 'job stop:x'), called('d2', 'job stop:y'));
      assert.deepEqual(watched.begun, ['a1', 'b1', 'c1', 'n1', 'd1']);
      for (const uid of ['a1', 'n1', 'd1']) watched.meet(uid).resolve();
      await scene.send();
      assert.deepEqual(watched.begun.slice(5).toSorted(), ['a2', 'd2', 'n2']);
    }));

  it('39. step over calls that were cancelled while they waited', () =>
    within({}, async (scene, watched) => {
      await scene.send(...['own', 'x1', 'x2', 'next'].map((uid) => called(uid, 'hold')));
      await scene.send(cancelled('x1'), cancelled('x2'));
      assert.equal(scene.hf.calls.stats().queued, 1);
      watched.meet('own').resolve();
      await scene.send();
      assert.deepEqual(watched.begun, ['own', 'next']);
      assert.equal(scene.hf.calls.stats().queued, 0);
      await scene.send(...['y1', 'y2'].map((uid) => called(uid, 'hold')));
      await scene.send(cancelled('y1'), cancelled('y2'));
      watched.meet('next').resolve();
      await scene.send();
      const { queued, lanes } = scene.hf.calls.stats();
      assert.deepEqual([queued, lanes], [0, 0]);
    }));

  it('have a width: so many of a lane execute at once', () =>
    within(
      {},
      async (scene, watched) => {
        const uids = ['a', 'b', 'c', 'd'];
        await scene.send(...uids.map((uid) => called(uid, 'wide')));
        assert.deepEqual(watched.begun, ['a', 'b']);
        watched.meet('b').resolve();
        await scene.send();
        assert.deepEqual(watched.begun, ['a', 'b', 'c']);
        void scene.hf.call('free', null, { id: 'e', lane: { key: 'wide', width: 3 } });
        watched.meet('a').resolve();
        await scene.send();
        assert.deepEqual(watched.begun, ['a', 'b', 'c', 'd', 'e']);
      },
      (watched) => [held(watched, 'wide', { lane: 'wide', laneWidth: 2 })],
    ));

  it('40. change nothing for whoever does not hold them', () => {
    const gate = new Gate('lane', 1);
    const passer = () => ({ next: null, prev: null, waitsAt: null });
    const [first, second, stranger] = [passer(), passer(), passer()];
    assert.equal(gate.enter(), true);
    gate.wait(first);
    gate.wait(second);
    gate.leave(stranger);
    assert.deepEqual([gate.held, gate.waiting, gate.admit()], [1, 2, null]);
    gate.free();
    assert.equal(gate.admit(), first);
    gate.leave(first);
    assert.deepEqual([gate.held, gate.waiting], [1, 1]);
  });
});

describe('the queue', () => {
  it('41. has room again when a call has left it', () =>
    within({ calls: { slots: 1, queueMax: 1 } }, async (scene, watched) => {
      await scene.send(called('a', 'free'), called('b', 'free'), called('c', 'free'));
      assert.equal(scene.status('c'), 503);
      watched.meet('a').resolve();
      await scene.send();
      await scene.send(called('d', 'free'));
      assert.equal(scene.status('d'), null);
      assert.equal(scene.hf.calls.stats().queued, 1);
    }));

  it('42. ends at once when nobody waits, and wakes whoever waits for its end', () =>
    within({}, async (scene, watched) => {
      await scene.send(called('a', 'hold'));
      let drained = false;
      void scene.hf.calls.drain(8_000).then(() => {
        drained = true;
      });
      await scene.send();
      assert.equal(drained, false);
      watched.meet('a').resolve();
      await scene.send();
      assert.equal(drained, true);
      await scene.hf.calls.drain(8_000);
    }));
});

describe('slots', () => {
  it('are given by priority, and fairly between tenants', () =>
    within({ calls: { slots: 1 } }, async (scene, watched) => {
      const ask = (id: string, more: object) => void scene.hf.call('free', null, { id, ...more });
      ask('first', {});
      for (const n of [1, 2, 3]) ask(`many${n}`, { tenant: 'many' });
      ask('few1', { tenant: 'few' });
      ask('late', { tenant: 'many', priority: 100 });
      for (const id of ['first', 'late', 'many1', 'few1', 'many2', 'many3']) {
        assert.equal(watched.begun.at(-1), id);
        watched.meet(id).resolve();
        await scene.send();
      }
    }));

  it('cost a tenant nothing that it waited for and did not get', () =>
    within({ calls: { slots: 1 } }, async (scene, watched) => {
      const ask = (id: string, tenant: string) =>
        scene.hf.call('free', null, { id, tenant }).catch((error: { code: string }) => error.code);
      void ask('first', 'other');
      const gone = ['a', 'b', 'c'].map((id) => ask(id, 'many'));
      for (const id of ['a', 'b', 'c']) scene.hf.calls.cancel(id);
      assert.deepEqual(await Promise.all(gone), new Array(3).fill('call.cancelled'));
      void ask('many', 'many');
      void ask('few', 'few');
      watched.meet('first').resolve();
      await scene.send();
      assert.deepEqual(watched.begun, ['first', 'many']);
    }));

  it('are given to no more calls of a function and of a tenant than they may have', () =>
    within(
      { calls: { tenant: { runningMax: 2, waitingMax: 1 } } },
      async (scene, watched) => {
        const ask = (id: string, fn: string, tenant: string) =>
          scene.hf.call(fn, null, { id, tenant }).catch((error: { code: string }) => error.code);
        for (const id of ['a1', 'a2', 'a3']) void ask(id, 'free', 'a');
        assert.equal(await ask('a4', 'free', 'a'), 'tenant.full');
        assert.deepEqual(watched.begun, ['a1', 'a2']);
        for (const id of ['b1', 'b2']) void ask(id, 'two', 'b');
        void ask('c1', 'two', 'c');
        assert.deepEqual(watched.begun, ['a1', 'a2', 'b1', 'b2']);
        watched.meet('b1').resolve();
        watched.meet('a2').resolve();
        await scene.send();
        assert.deepEqual(watched.begun.slice(4).toSorted(), ['a3', 'c1']);
      },
      (watched) => [held(watched, 'two', { concurrency: 2 })],
    ));

  it('are had by a tenant that may not wait, again and again', () =>
    within(
      { calls: { slots: 1, tenants: { small: { runningMax: 1, waitingMax: 0 } } } },
      async (scene, watched) => {
        const ask = (id: string, tenant: string): Promise<unknown> =>
          scene.hf
            .call('free', null, { id, tenant })
            .catch((error: { code: string }) => error.code);
        for (let n = 0; n < 5; n += 1) {
          void ask(`s${n}`, 'small');
          assert.equal(watched.begun.at(-1), `s${n}`);
          assert.equal(await ask(`t${n}`, 'small'), 'tenant.full');
          void ask(`o${n}`, 'other');
          watched.meet(`s${n}`).resolve();
          await scene.send();
          // The slot is another's: it would have to wait for it.
          assert.equal(await ask(`u${n}`, 'small'), 'tenant.full');
          watched.meet(`o${n}`).resolve();
          await scene.send();
        }
        const { queued, running, lanes } = scene.hf.calls.stats();
        assert.deepEqual([queued, running, lanes], [0, 0, 0]);
      },
    ));

  it('are not needed by nested calls of another lane', async () => {
    const inner = defineFunction({ name: 'inner', run: (n: number) => n + 1 });
    const scene = await StdioScene.open({
      functions: [
        inner,
        defineFunction({ name: 'outer', run: (): Promise<number> => scene.hf.call(inner, 1) }),
      ],
    });
    assert.equal(await scene.hf.call('outer', null), 2);
    await scene.close();
  });
});

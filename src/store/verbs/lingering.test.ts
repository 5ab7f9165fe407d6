/** Code that outlives its attempt: what it holds, and when its run goes on. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gone, noGrace } from '../../../tests/contract/store/scene.ts';
import { openHandWorld } from '../../../tests/verbs/hand-world.ts';
import type { RetryPolicy } from '../../core/retry.ts';

const retry: RetryPolicy = {
  attemptsMax: 3,
  backoff: 'fixed',
  delayMs: 60_000,
  factor: 1,
  delayMsMax: 60_000,
  jitter: 0,
};

/** A run in a lane whose attempt timed out while its code goes on, with a second one behind it. */
async function lingering() {
  const world = openHandWorld();
  const { scene, store, pass } = world;
  const node = await scene.join();
  const policy = { attemptTimeoutMs: 10, ...noGrace, retry };
  const [id = '', next = ''] = await scene.startMany(2, { lane: 'x', policy });
  const run = await scene.claimOne(node);
  pass(1_000);
  await store.sweep(100);
  assert.equal(await scene.stands(id), 'parked');
  return { ...world, node, id, next, run };
}

describe('a run that waits for the code of its last attempt', () => {
  it('is not tried again before its time, though the code has stopped', async () => {
    const { scene, store, pass, node, id, run } = await lingering();
    await store.settled(node, [run]);
    assert.equal(await scene.stands(id), 'time');
    assert.deepEqual(await scene.claimIds(node), []);
    pass(60_000);
    await store.sweep(100);
    assert.deepEqual(await scene.claimIds(node), [id]);
    await scene.nothingIsWrong();
  });

  it('is tried at once when the code stops after its time; sweeping does not spin', async () => {
    const { scene, store, pass, node, id, run } = await lingering();
    pass(60_000);
    const { reply: first } = await store.sweep(1);
    assert.deepEqual([first.due, first.nextDueAt], [1, null]);
    const { reply: second } = await store.sweep(1);
    assert.deepEqual([second.due, second.more], [0, false]);
    assert.equal(await scene.stands(id), 'parked');
    assert.deepEqual(await scene.claimIds(node), []);
    await store.settled(node, [run]);
    assert.deepEqual(await scene.claimIds(node), [id]);
    await scene.nothingIsWrong();
  });

  it('goes on when the node of that code has died, and no crash is counted', async () => {
    const { scene, store, pass, node, id } = await lingering();
    await store.recover(node, gone, 100);
    assert.equal((await scene.get(id)).crashes, 0);
    pass(60_000);
    await store.sweep(100);
    assert.deepEqual(await scene.claimIds(await scene.join()), [id]);
    await scene.nothingIsWrong();
  });

  it('keeps the lane when it is cancelled, until the code has stopped', async () => {
    const { scene, store, node, id, next, run } = await lingering();
    await store.cancel([{ id, reason: 'enough' }]);
    assert.deepEqual(await scene.allStand([id, next]), ['cancelled', 'lane']);
    await store.settled(node, [run]);
    assert.equal(await scene.stands(next), 'slot');
    await scene.nothingIsWrong();
  });

  it('refuses the late end of that attempt, and the places stay with the code', async () => {
    const { scene, id, next, run } = await lingering();
    const verdict = await scene.end(run, { how: 'succeeded', result: '1' });
    assert.ok(!verdict.ok);
    assert.equal(verdict.code, 'fence.stale');
    assert.deepEqual(await scene.allStand([id, next]), ['parked', 'lane']);
  });

  it('gives its places to nobody when another node says that the code has stopped', async () => {
    const { scene, store, id, next, run } = await lingering();
    await store.settled(await scene.join(), [run]);
    assert.deepEqual(await scene.allStand([id, next]), ['parked', 'lane']);
  });
});

/** Fair share where hand-outs leave the one order: by function, by priority, by cancelling. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Scene } from '../../../tests/contract/store/scene.ts';
import { openHandWorld } from '../../../tests/verbs/hand-world.ts';
import type { NodeKey } from '../../core/execution/run.ts';

/** How many of a burst's runs go before the first run of another tenant. */
async function passedBy(scene: Scene, node: NodeKey, late: string, atMost: number) {
  for (let count = 0; count <= atMost; count += 1) {
    if ((await scene.claimOne(node)).id === late) return count;
  }
  return assert.fail(`more than ${atMost} go first`);
}

describe('a burst costs only whoever sent it', () => {
  it('even if another function hands out the last of it first', async () => {
    const { scene } = openHandWorld();
    const node = await scene.join();
    await scene.startMany(200, { tenant: 'burst' });
    await scene.start({ tenant: 'burst', fn: 'other' });
    assert.equal((await scene.claimIds(node, 1, ['other'])).length, 1);
    const [late] = await scene.start({ tenant: 'late' });
    assert.ok((await passedBy(scene, node, late ?? '', 200)) <= 3);
  });

  it('even if the last of it is urgent', async () => {
    const { scene, pass } = openHandWorld();
    const node = await scene.join();
    // A backlog from which the pace can be measured.
    await scene.startMany(1_000, { tenant: 'burst' });
    for (let at = 0; at < 20; at += 1) {
      pass(1_000);
      assert.equal((await scene.claim(node, 10)).length, 10);
    }
    const [urgent] = await scene.start({ tenant: 'burst', prioritySeconds: 3_600 });
    assert.deepEqual(await scene.claimIds(node, 1), [urgent]);
    const [late] = await scene.start({ tenant: 'late' });
    assert.ok((await passedBy(scene, node, late ?? '', 800)) <= 3);
  });

  it('and is paid back when it is cancelled before its turn', async () => {
    const { scene, store } = openHandWorld();
    const node = await scene.join();
    const burst = await scene.startMany(200, { tenant: 'burst' });
    await store.cancel(burst.map((id) => ({ id, reason: 'a mistake' })));
    await scene.startMany(200, { tenant: 'crowd' });
    const [second] = await scene.start({ tenant: 'burst' });
    assert.ok((await passedBy(scene, node, second ?? '', 200)) <= 3);
  });

  it('and is not paid twice when a limit sends it back to wait', async () => {
    const { scene, store } = openHandWorld();
    const node = await scene.join();
    const [only] = await scene.startMany(1, { tenant: 'a', lane: 'x' });
    for (let at = 0; at < 100; at += 1) {
      await store.pause('lane', 'x', 'for a moment');
      await store.resume('lane', 'x');
    }
    await scene.startMany(100, { tenant: 'crowd' });
    assert.ok((await passedBy(scene, node, only ?? '', 100)) <= 3);
  });

  it('does not hold the clock: a lone tenant moves it with every run', async () => {
    const { scene } = openHandWorld();
    const node = await scene.join();
    await scene.startMany(100, { tenant: 'lone' });
    assert.equal((await scene.claim(node, 100)).length, 100);
    await scene.startMany(10, { tenant: 'lone' });
    const [late] = await scene.start({ tenant: 'late' });
    const order = await scene.claimIds(node);
    assert.ok(order.indexOf(late ?? '') <= 2);
  });
});

/** Nodes that come and go for ever, and what is taken from them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gone } from '../../../tests/contract/store/scene.ts';
import { openHandWorld } from '../../../tests/verbs/hand-world.ts';
import { limits } from '../../core/limits.ts';

describe('nodes that ended', () => {
  it('do not pile up between two prunings, so that a beat costs the same for ever', async () => {
    const { scene, store } = openHandWorld();
    const keeps = await scene.join({ name: 'keeps' });
    for (let at = 0; at < limits.endedNodesMax + 20; at += 1) {
      await store.leave(await scene.join({ name: `passes-${at}` }));
    }
    const rows = await store.nodes();
    assert.ok(rows.length <= limits.endedNodesMax + 2, `${rows.length} rows`);
    assert.ok(rows.some(({ node }) => node === keeps));
    assert.equal(rows.at(-1)?.name, `passes-${limits.endedNodesMax + 19}`);
  });

  it('stay for as long as runs are theirs', async () => {
    const { scene, store } = openHandWorld();
    const owner = await scene.join({ name: 'owner' });
    await scene.start({});
    await scene.claimOne(owner);
    await store.leave(owner);
    for (let at = 0; at < limits.endedNodesMax + 20; at += 1) {
      await store.leave(await scene.join());
    }
    const { reply } = await store.recover(owner, gone, 100);
    assert.ok(reply.ok);
    assert.equal(reply.requeued, 1);
    await scene.nothingIsWrong();
  });
});

describe('recovery', () => {
  it('takes at least one run a step, so that it comes to an end', async () => {
    const { scene, store } = openHandWorld();
    const node = await scene.join();
    await scene.start({});
    await scene.claimOne(node);
    const { reply } = await store.recover(node, gone, 0);
    assert.ok(reply.ok);
    assert.equal(reply.requeued, 1);
  });
});

/** The contract of families that come to an end: what becomes of the children. */
import assert from 'node:assert/strict';
import { overdueMarginMs } from '../../../src/core/execution/deadline.ts';
import type { ChildClose } from '../../../src/ports/store-family.ts';
import type { ClaimedRun } from '../../../src/ports/store-runs.ts';
import { bear, bearMany, childrenOf, sweepAll, waitForAll } from './family-words.ts';
import { noGrace, type Scene } from './scene.ts';
import { parkAs, running } from './step-words.ts';
import type { Contract } from './suite.ts';

const words: readonly ChildClose[] = ['terminate', 'cancel', 'abandon'];

/** A child of each word. */
async function bearEach(scene: Scene, run: ClaimedRun): Promise<string[]> {
  const ids: string[] = [];
  for (const [index, close] of words.entries()) {
    ids.push(await bear(scene, run, { index, close, id: `${close} it` }));
  }
  return ids;
}

export function familyClosing(contract: Contract): void {
  contract('closes queued children by their word when the parent has ended', async (scene) => {
    const run = await running(scene);
    const ids = await bearEach(scene, run);
    await scene.succeed(run);
    await sweepAll(scene);
    assert.deepEqual(await scene.allStand(ids), ['cancelled', 'cancelled', 'slot']);
    const { outcome } = await scene.get(ids[0]);
    assert.equal(outcome?.error?.message, `its parent '${run.id}' has ended`);
  });

  contract('asks running children to stop when the parent has ended', async (scene) => {
    const run = await running(scene);
    const ids = await bearEach(scene, run);
    const node = await scene.join();
    const children = await scene.claim(node, 3);
    await scene.fail(run, { advice: { kind: 'never' } });
    await sweepAll(scene);
    const orders = await scene.store.stops(node);
    assert.deepEqual(
      orders.map(({ seq }) => seq),
      children.slice(0, 2).map(({ seq }) => seq),
    );
    assert.deepEqual(await scene.allStand(ids), ['running', 'running', 'running']);
    for (const child of children.slice(0, 2)) {
      await scene.end(child, { how: 'stopped', settled: true });
    }
    assert.deepEqual(await scene.allStand(ids), ['cancelled', 'cancelled', 'running']);
  });

  contract('terminate waits for no grace', async (scene) => {
    const run = await running(scene);
    const [terminated = '', cancelled = ''] = await bearEach(scene, run);
    const asked = scene.world.now();
    const node = await scene.join();
    await scene.claim(node, 3);
    await scene.succeed(run);
    await scene.until('its ownership has ended', async () => {
      await sweepAll(scene);
      return (await scene.stands(terminated)) === 'cancelled';
    });
    assert.ok(
      scene.world.now() - asked >= overdueMarginMs - 10,
      'its owner had time to hear of it',
    );
    assert.equal(await scene.stands(cancelled), 'running', 'its grace goes on');
  });

  contract('children of a parked parent that is cancelled are closed', async (scene) => {
    const run = await running(scene);
    const ids = await bearEach(scene, run);
    await parkAs(scene, run, 0, waitForAll());
    const { woken } = await scene.store.cancel([{ id: run.id, reason: 'enough' }]);
    assert.equal(woken.family, true);
    assert.equal(await scene.stands(run.id), 'slot', 'to clean up');
    await sweepAll(scene);
    assert.deepEqual(await scene.allStand(ids), ['cancelled', 'cancelled', 'slot']);
  });

  contract('a stop flows down at once, and what is started after it is left', async (scene) => {
    const run = await running(scene);
    const ids = await bearEach(scene, run);
    const { woken } = await scene.store.cancel([{ id: run.id, reason: 'enough' }]);
    assert.deepEqual([woken.stop, woken.family], [true, true]);
    const undo = await bear(scene, run, { id: 'undo', index: 3 });
    await sweepAll(scene);
    assert.deepEqual(await scene.allStand(ids), ['cancelled', 'cancelled', 'slot']);
    assert.equal(await scene.stands(undo), 'slot');
    const { outcome } = await scene.get(ids[1]);
    assert.equal(outcome?.error?.message, `its parent '${run.id}' was asked to stop`);
    await scene.end(run, { how: 'stopped', settled: true });
    await sweepAll(scene);
    assert.equal(await scene.stands(undo), 'cancelled', 'the end closes that too');
  });

  contract('a deadline flows down too', async (scene) => {
    const at = (scene.world.now() + 30) as ReturnType<typeof scene.world.now>;
    const run = await running(scene, { deadlineAt: at, policy: noGrace });
    const child = await bear(scene, run);
    await scene.until('both are over', async () => {
      await sweepAll(scene);
      const stand = await scene.allStand([run.id, child]);
      return stand.every((one) => one === 'timed-out' || one === 'cancelled');
    });
  });

  contract('goes on from generation to generation', async (scene) => {
    const run = await running(scene);
    const child = await bear(scene, run);
    const node = await scene.join();
    const claimed = await scene.claimOne(node);
    const grandchild = await bear(scene, claimed);
    await parkAs(scene, claimed, 0, waitForAll());
    await scene.succeed(run);
    await sweepAll(scene);
    assert.deepEqual(await scene.allStand([child, grandchild]), ['slot', 'cancelled']);
    const [again] = await scene.claim(node);
    assert.deepEqual([again?.id, again?.stop?.cause], [child, 'cancel'], 'it cleans up');
  });

  contract('closes large families in steps', async (scene) => {
    const run = await running(scene);
    const ids = await bearMany(scene, run, 25);
    await scene.succeed(run);
    const left: number[] = [];
    for (let more = true; more; ) {
      ({ more } = (await scene.store.sweep(10)).reply);
      left.push((await scene.get(run.id)).childrenOpen);
    }
    assert.deepEqual(left, [15, 5, 0]);
    assert.deepEqual([...new Set(await scene.allStand(ids))], ['cancelled']);
    const closed = await childrenOf(scene, run.id);
    assert.deepEqual([...new Set(closed.map(({ status }) => status))], ['done']);
  });

  contract('an end during the stop closes all that is left', async (scene) => {
    const run = await running(scene);
    const ids = await bearMany(scene, run, 12);
    await scene.store.cancel([{ id: run.id, reason: 'enough' }]);
    await scene.store.sweep(5);
    await scene.end(run, { how: 'stopped', settled: true });
    await sweepAll(scene);
    assert.deepEqual([...new Set(await scene.allStand(ids))], ['cancelled']);
  });

  contract('a parent that is tried again keeps its children', async (scene) => {
    const run = await running(scene);
    const child = await bear(scene, run);
    await scene.fail(run);
    await sweepAll(scene);
    assert.equal(await scene.stands(child), 'slot');
    const dead = await scene.join();
    const again = (await scene.claim(dead, 2)).find(({ id }) => id === run.id);
    assert.ok(again !== undefined);
    await scene.bury(dead);
    await sweepAll(scene);
    assert.equal(await scene.stands(child), 'slot', 'claimed, recovered and never stopped');
  });
}

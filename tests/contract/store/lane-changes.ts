/**
 * (G4) The contract of lanes that are paused, cancelled into, or asked for with different widths.
 */
import assert from 'node:assert/strict';
import { plainPolicy } from './scene.ts';
import type { Contract } from './suite.ts';

const inLane = { lane: 'x' } as const;

export function laneChanges(contract: Contract): void {
  pauses(contract);
  departures(contract);
  widths(contract);
}

function pauses(contract: Contract): void {
  contract('hands nothing out of a paused lane, and goes on in order afterwards', async (scene) => {
    const node = await scene.join();
    const [first, second] = await scene.startMany(2, inLane);
    assert.equal(await scene.stands(first), 'slot');
    await scene.store.pause('lane', 'x', 'maintenance');
    assert.equal(await scene.stands(first), 'lane', 'the head goes back into the queue');
    const [third] = await scene.start(inLane);
    assert.deepEqual(await scene.claimIds(node), []);
    const [lane] = await scene.store.lanes(10);
    assert.deepEqual([lane?.paused, lane?.holders, lane?.waiting], [true, [], 3]);
    const { reply, woken } = await scene.store.resume('lane', 'x');
    assert.deepEqual([reply, woken.ready], [true, true]);
    for (const id of [first, second, third]) {
      const run = await scene.claimOne(node);
      assert.equal(run.id, id);
      await scene.succeed(run);
    }
  });

  contract('lets what runs go on when its lane is paused, and nobody after it', async (scene) => {
    const node = await scene.join();
    const [, next] = await scene.startMany(2, inLane);
    const run = await scene.claimOne(node);
    await scene.store.pause('lane', 'x', 'maintenance');
    await scene.succeed(run);
    assert.deepEqual(await scene.claimIds(node), []);
    assert.equal(await scene.stands(next), 'lane');
    await scene.store.resume('lane', 'x');
    assert.deepEqual(await scene.claimIds(node), [next]);
  });

  contract('begins no further attempt in a paused lane', async (scene) => {
    const nodes = [await scene.join(), await scene.join(), await scene.join()] as const;
    const wide = { ...inLane, laneWidth: 3 };
    const ids = await scene.startMany(4, wide);
    const runs = await Promise.all(nodes.map((node) => scene.claimOne(node)));
    await scene.store.pause('lane', 'x', 'maintenance');
    const [failed, returned] = runs;
    assert.ok(failed !== undefined && returned !== undefined);
    await scene.fail(failed);
    await scene.end(returned, { how: 'handed-back' });
    await scene.bury(nodes[2]);
    assert.deepEqual(await scene.claimIds(nodes[0]), []);
    assert.deepEqual(await scene.allStand(ids), ['lane', 'lane', 'lane', 'lane']);
    await scene.store.resume('lane', 'x');
    assert.deepEqual(await scene.claimIds(nodes[0]), ids.slice(0, 3));
  });

  contract('withdraws a run that came as far as the limit of its tenant', async (scene) => {
    const node = await scene.join();
    await scene.store.setTenant({ tenant: 'one', weight: 1, runningMax: 1, waitingMax: null });
    await scene.start({ tenant: 'one' });
    const busy = await scene.claimOne(node);
    const [waits] = await scene.start({ ...inLane, tenant: 'one' });
    assert.equal(await scene.stands(waits), 'tenant');
    await scene.store.pause('lane', 'x', 'maintenance');
    assert.equal(await scene.stands(waits), 'lane');
    await scene.succeed(busy);
    assert.deepEqual(await scene.claimIds(node), []);
    await scene.store.resume('lane', 'x');
    assert.deepEqual(await scene.claimIds(node), [waits]);
  });
}

function departures(contract: Contract): void {
  contract('closes ranks when a waiting run is cancelled', async (scene) => {
    const node = await scene.join();
    const ids = await scene.startMany(4, inLane);
    await scene.store.cancel([{ id: ids[1] ?? '', reason: 'no more' }]);
    const order: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const run = await scene.claimOne(node);
      order.push(run.id);
      await scene.succeed(run);
    }
    assert.deepEqual(order, [ids[0], ids[2], ids[3]]);
  });

  contract('lets the next in when the run at the head is cancelled', async (scene) => {
    const [first, second] = await scene.startMany(2, inLane);
    const { woken } = await scene.store.cancel([{ id: first ?? '', reason: 'no more' }]);
    assert.deepEqual(woken, { ready: true, stop: false, done: true });
    assert.equal(await scene.stands(second), 'slot');
  });

  contract('lets the next in whenever the holder ends, however it ends', async (scene) => {
    const once = { ...plainPolicy.retry, attemptsMax: 1 };
    const ids = await scene.start(
      { ...inLane, policy: { retry: once } },
      { ...inLane, policy: { onCrash: 'lose' } },
      { ...inLane, policy: { crashesMax: 1 } },
      inLane,
      inLane,
    );
    let node = await scene.join();
    await scene.fail(await scene.claimOne(node));
    for (let crashes = 0; crashes < 2; crashes += 1) {
      await scene.claimOne(node);
      await scene.bury(node);
      node = await scene.join();
    }
    const stopped = await scene.claimOne(node);
    await scene.store.cancel([{ id: stopped.id, reason: 'no more' }]);
    await scene.end(stopped, { how: 'stopped', settled: true });
    assert.deepEqual(await scene.allStand(ids), [
      'failed',
      'lost',
      'quarantined',
      'cancelled',
      'slot',
    ]);
  });
}

function widths(contract: Contract): void {
  contract('never lets a wide run past a narrow one that came before it', async (scene) => {
    const node = await scene.join();
    const [wide, narrow, wideToo] = await scene.start(
      { ...inLane, laneWidth: 2 },
      { ...inLane, laneWidth: 1 },
      { ...inLane, laneWidth: 2 },
    );
    assert.deepEqual(await scene.claimIds(node), [wide]);
    assert.deepEqual(await scene.allStand([narrow ?? '', wideToo ?? '']), ['lane', 'lane']);
    await scene.store.cancel([{ id: narrow ?? '', reason: 'no more' }]);
    assert.deepEqual(await scene.claimIds(node), [wideToo], 'it has room, and nobody before it');
  });

  contract('lets a lane run empty before a narrow run enters', async (scene) => {
    const node = await scene.join();
    const wide = await scene.startMany(2, { ...inLane, laneWidth: 2 });
    const [narrow] = await scene.start({ ...inLane, laneWidth: 1 });
    const runs = await scene.claim(node);
    assert.deepEqual(
      runs.map((run) => run.id),
      wide,
    );
    const [one, two] = runs;
    assert.ok(one !== undefined && two !== undefined);
    await scene.succeed(two);
    assert.deepEqual(await scene.claimIds(node), []);
    await scene.succeed(one);
    assert.deepEqual(await scene.claimIds(node), [narrow]);
  });
}

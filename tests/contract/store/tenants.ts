/** The contract of what a tenant may have running and waiting. */
import assert from 'node:assert/strict';
import type { ClaimedRun } from '../../../src/ports/store-runs.ts';
import { everyRun } from './audit.ts';
import { boom, plainPolicy, type Scene } from './scene.ts';
import type { Contract } from './suite.ts';

const mine = { tenant: 'mine' } as const;

const limit = (scene: Scene, runningMax: number | null) =>
  scene.store.setTenant({ tenant: 'mine', weight: 1, runningMax, waitingMax: null });

export function tenants(contract: Contract): void {
  keeping(contract);
  changing(contract);
}

function keeping(contract: Contract): void {
  contract('never has more of a tenant running than its limit', async (scene) => {
    const nodes = [await scene.join(), await scene.join()];
    await limit(scene, 3);
    const ids = await scene.startMany(30, mine);
    let running: ClaimedRun[] = [];
    const ended: string[] = [];
    for (let turn = 0; ended.length < ids.length; turn += 1) {
      const claims = await Promise.all(nodes.map((node) => scene.claim(node, 2)));
      running.push(...claims.flat());
      assert.equal(running.length, Math.min(3, ids.length - ended.length));
      const [first, ...rest] = running;
      assert.ok(first !== undefined);
      // One in three hands its work back, which must give its place to somebody.
      if (turn % 3 === 2 && first.attempt === 1) await scene.end(first, { how: 'handed-back' });
      else {
        await scene.succeed(first);
        ended.push(first.id);
      }
      running = rest;
    }
    assert.deepEqual([...ended].sort(), [...ids].sort());
  });

  contract(
    'lets the longest waiting run in when a place is free, less its head start',
    async (scene) => {
      const node = await scene.join();
      await limit(scene, 1);
      const [first, second, third] = await scene.startMany(3, mine);
      const [urgent] = await scene.start({ ...mine, prioritySeconds: 3_600 });
      const order: string[] = [];
      for (let n = 0; n < 4; n += 1) {
        const run = await scene.claimOne(node);
        order.push(run.id);
        await scene.succeed(run);
      }
      assert.deepEqual(order, [first, urgent, second, third]);
    },
  );

  contract('limits nobody but the tenant', async (scene) => {
    const node = await scene.join();
    await limit(scene, 1);
    await scene.startMany(5, mine);
    await scene.startMany(5, { tenant: 'other' });
    const runs = await scene.claim(node);
    assert.equal(runs.filter((run) => run.tenant === 'mine').length, 1);
    assert.equal(runs.filter((run) => run.tenant === 'other').length, 5);
  });

  contract('gives the place of a run that waits for its retry to another', async (scene) => {
    const node = await scene.join();
    await limit(scene, 1);
    const retry = { ...plainPolicy.retry, delayMs: 3_600_000 };
    const [failing, next] = await scene.start({ ...mine, policy: { retry } }, mine);
    const run = await scene.claimOne(node);
    const { reply, woken } = await scene.store.end([
      { seq: run.seq, fence: run.fence, end: { how: 'failed', error: boom, chance: 0 } },
    ]);
    assert.equal(reply[0]?.ok, true);
    assert.equal(woken.ready, true);
    assert.equal(await scene.stands(failing), 'time');
    assert.deepEqual(await scene.claimIds(node), [next]);
  });

  contract('keeps the place of an ended run whose code lingers', async (scene) => {
    const node = await scene.join();
    await limit(scene, 1);
    const [, next] = await scene.startMany(2, mine);
    const run = await scene.claimOne(node);
    await scene.store.cancel([{ id: run.id, reason: 'no more' }]);
    await scene.end(run, { how: 'stopped', settled: false });
    assert.deepEqual(await scene.claimIds(node), []);
    const { woken } = await scene.store.settled(node, [run]);
    assert.equal(woken.ready, true);
    assert.deepEqual(await scene.claimIds(node), [next]);
  });

  contract('keeps it though an earlier attempt of the run settles meanwhile', async (scene) => {
    const node = await scene.join();
    await limit(scene, 1);
    const [, next] = await scene.startMany(2, mine);
    const error = { code: 'attempt.timed_out', message: 'took too long' };
    const late = { how: 'timed-out', error, chance: 0, scope: 'attempt', settled: false } as const;
    const first = await scene.claimOne(node);
    await scene.end(first, late);
    const second = await scene.claimOne(node);
    assert.deepEqual([second.id, second.attempt], [first.id, 2]);
    await scene.store.cancel([{ id: second.id, reason: 'no more' }]);
    await scene.end(second, { how: 'stopped', settled: false });
    await scene.store.settled(node, [first]);
    assert.deepEqual(await scene.claimIds(node), [], 'the code of the second attempt goes on');
    await scene.store.settled(node, [second]);
    assert.deepEqual(await scene.claimIds(node), [next]);
  });

  contract('shows terms and held places', async (scene) => {
    const node = await scene.join();
    const terms = { tenant: 'mine', weight: 2.5, runningMax: 2, waitingMax: 7 };
    await scene.store.setTenant(terms);
    await scene.startMany(3, mine);
    await scene.claim(node, 1);
    const shown = (await scene.store.tenants(10)).find(({ tenant }) => tenant === 'mine');
    assert.deepEqual(shown, { ...terms, holding: 2 });
    await scene.store.setTenant({ tenant: 'a first one', weight: 2 });
    // However many come before it.
    assert.deepEqual(await scene.store.tenants(1, 'mine'), [shown]);
    const unknown = { tenant: 'nobody', weight: 1, runningMax: null, waitingMax: null, holding: 0 };
    assert.deepEqual(await scene.store.tenants(1, 'nobody'), [unknown]);
  });
}

function changing(contract: Contract): void {
  contract('withdraws exactly what is over a limit that is set later', async (scene) => {
    const node = await scene.join();
    const ids = await scene.startMany(6, mine);
    await scene.claim(node, 1);
    await limit(scene, 3);
    assert.deepEqual(await scene.allStand(ids), [
      'running',
      'slot',
      'slot',
      'tenant',
      'tenant',
      'tenant',
    ]);
    assert.deepEqual(await scene.claimIds(node), ids.slice(1, 3));
  });

  contract('takes nothing from what runs over a new limit, and lets nobody in', async (scene) => {
    const node = await scene.join();
    const ids = await scene.startMany(5, mine);
    const runs = await scene.claim(node, 3);
    await limit(scene, 2);
    assert.deepEqual(await scene.allStand(ids), [
      'running',
      'running',
      'running',
      'tenant',
      'tenant',
    ]);
    const [one, two, three] = runs;
    assert.ok(one !== undefined && two !== undefined && three !== undefined);
    await scene.succeed(one);
    assert.deepEqual(await scene.claimIds(node), [], 'two still run');
    await scene.succeed(two);
    assert.deepEqual(await scene.claimIds(node), [ids[3]]);
  });

  contract(
    'lets more in when the limit is raised, and everybody when it is taken away',
    async (scene) => {
      const node = await scene.join();
      await limit(scene, 0);
      const ids = await scene.startMany(8, mine);
      assert.deepEqual(await scene.claimIds(node), []);
      assert.equal((await limit(scene, 2)).woken.ready, true);
      assert.deepEqual(await scene.claimIds(node), ids.slice(0, 2));
      assert.equal((await limit(scene, null)).woken.ready, true);
      assert.deepEqual(await scene.claimIds(node), ids.slice(2));
    },
  );

  contract('lets everybody in when the limit of a long queue is taken away', async (scene) => {
    await limit(scene, 1);
    await scene.startMany(1_200, mine);
    await limit(scene, null);
    const gates = (await everyRun(scene.store)).map((run) => run.gate);
    assert.equal(gates.filter((gate) => gate === 'tenant').length, 0);
  });

  contract('withdraws exactly when a high limit with a long queue is lowered', async (scene) => {
    const node = await scene.join();
    await limit(scene, 1_200);
    await scene.startMany(1_300, mine);
    await limit(scene, 2);
    const ids = await scene.claimIds(node);
    assert.deepEqual(ids, ['run-1', 'run-2'], 'those that were first in the order');
  });

  contract('counts the places of lingering code when a limit is lowered', async (scene) => {
    const node = await scene.join();
    await limit(scene, 2);
    await scene.startMany(3, mine);
    const run = await scene.claimOne(node);
    await scene.store.cancel([{ id: run.id, reason: 'no more' }]);
    await scene.end(run, { how: 'stopped', settled: false });
    await limit(scene, 1);
    assert.deepEqual(await scene.claimIds(node), []);
    await scene.store.settled(node, [run]);
    assert.equal((await scene.claimIds(node)).length, 1);
  });

  contract('counts runs exactly that were accepted before there was a limit', async (scene) => {
    const node = await scene.join();
    await scene.startMany(4, mine);
    const [one, two] = await scene.claim(node, 2);
    assert.ok(one !== undefined && two !== undefined);
    await limit(scene, 1);
    await limit(scene, null);
    await limit(scene, 2);
    assert.deepEqual(await scene.claimIds(node), []);
    await scene.succeed(one);
    assert.equal((await scene.claimIds(node)).length, 1);
    await scene.succeed(two);
    assert.equal((await scene.claimIds(node)).length, 1);
  });
}

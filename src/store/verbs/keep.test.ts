/** What operators set, over more rows than one step may change, and in awkward moments. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noGrace } from '../../../tests/contract/store/scene.ts';
import { openHandWorld } from '../../../tests/verbs/hand-world.ts';
import { limits } from '../../core/limits.ts';

const terms = { tenant: 'a', weight: 1, waitingMax: null } as const;
const many = limits.sweepRowsMax + 200;

/** A tenant at a limit of one, with more waiting runs than one step changes. */
async function crowd(count = many) {
  const world = openHandWorld();
  const { scene, store } = world;
  await store.setTenant({ ...terms, runningMax: 1 });
  const ids = await scene.startMany(count, { tenant: 'a' });
  const standing = (gate: string): number =>
    store.rows().filter(({ stage }) => stage === gate).length;
  return { ...world, ids, standing };
}

describe('the limit of a tenant', () => {
  it('lets everybody in when it is lifted, however many wait', async () => {
    const { scene, store, standing } = await crowd();
    await store.setTenant({ ...terms, runningMax: null });
    assert.equal(standing('slot'), many);
    await scene.nothingIsWrong();
  });

  it('lets as many in as it allows when it is raised', async () => {
    const { scene, store, standing } = await crowd();
    await store.setTenant({ ...terms, runningMax: many - 1 });
    assert.deepEqual([standing('slot'), standing('tenant')], [many - 1, 1]);
    await scene.nothingIsWrong();
  });

  it('holds at once when it is lowered, however many are eligible', async () => {
    const { scene, store, standing } = await crowd();
    await store.setTenant({ ...terms, runningMax: null });
    await store.setTenant({ ...terms, runningMax: many - 1 });
    assert.equal(standing('slot'), many - 1);
    await store.setTenant({ ...terms, runningMax: 2 });
    assert.equal(standing('slot'), 2);
    await scene.nothingIsWrong();
  });

  it('holds at once where there was none, however many are eligible or running', async () => {
    const { scene, store } = openHandWorld();
    const node = await scene.join();
    await scene.startMany(many, { tenant: 'a' });
    const [run] = await scene.claim(node, 1);
    assert.ok(run !== undefined);
    await store.setTenant({ ...terms, runningMax: 2 });
    const standing = store.rows().filter(({ stage }) => stage === 'slot');
    assert.equal(standing.length, 1);
    await scene.succeed(run);
    assert.equal((await scene.claim(node)).length, 2);
    await scene.nothingIsWrong();
  });

  it('keeps the best of the eligible runs when it is lowered', async () => {
    const { scene, store } = openHandWorld();
    const ids = await scene.startMany(4, { tenant: 'a' });
    await store.setTenant({ ...terms, runningMax: 3 });
    await store.setTenant({ ...terms, runningMax: 2 });
    assert.deepEqual(await scene.allStand(ids), ['slot', 'slot', 'tenant', 'tenant']);
  });

  it('counts the code that lingers when it is lowered', async () => {
    const { scene, store, row } = openHandWorld();
    await store.setTenant({ ...terms, runningMax: 3 });
    const node = await scene.join();
    const ids = await scene.startMany(3, { tenant: 'a' });
    const [first] = await scene.claim(node, 1);
    assert.ok(first !== undefined);
    await store.cancel([{ id: first.id, reason: 'no' }]);
    await scene.end(first, { how: 'stopped', settled: false });
    assert.equal(row(first.id).tenantHeld, true);
    await store.setTenant({ ...terms, runningMax: 2 });
    assert.deepEqual(await scene.allStand(ids), ['cancelled', 'slot', 'tenant']);
  });
});

describe('pruning', () => {
  const retention = {
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    'timed-out': 0,
    rejected: 0,
    lost: 0,
  } as const;

  it('keeps an ended run for as long as its code holds the lane', async () => {
    const { scene, store, pass } = openHandWorld();
    const node = await scene.join();
    const [first, second] = await scene.startMany(2, { lane: 'x' });
    const run = await scene.claimOne(node);
    await store.cancel([{ id: run.id, reason: 'no' }]);
    await scene.end(run, { how: 'stopped', settled: false });
    pass(10_000);
    await store.prune(retention, 100);
    assert.equal(await scene.stands(first), 'cancelled');
    assert.equal(await scene.stands(second), 'lane');
    await store.settled(node, [run]);
    assert.equal(await scene.stands(second), 'slot');
    pass(10_000);
    assert.deepEqual(await store.prune(retention, 100), { pruned: 1, more: false });
    await scene.nothingIsWrong();
  });

  it('goes on behind ended runs that it has to keep', async () => {
    const { scene, store, pass } = openHandWorld();
    const node = await scene.join();
    const ids = await scene.startMany(2, { policy: { attemptTimeoutMs: 10, ...noGrace } });
    await store.setTenant({ ...terms, tenant: 'default', runningMax: 5 });
    const [held, free] = await scene.claim(node, 2);
    assert.ok(held !== undefined && free !== undefined);
    await store.cancel(ids.map((id) => ({ id, reason: 'no' })));
    await scene.end(held, { how: 'stopped', settled: false });
    await scene.end(free, { how: 'stopped', settled: true });
    pass(10_000);
    assert.deepEqual(await store.prune(retention, 1), { pruned: 1, more: true });
    assert.equal(await scene.stands(held.id), 'cancelled');
    assert.equal(await store.get(free.id), null);
  });

  it('deletes no more in one step than a step may change', async () => {
    const { scene, store, pass } = openHandWorld();
    const ids = await scene.startMany(limits.sweepRowsMax + 1, {});
    await store.cancel(ids.map((id) => ({ id, reason: 'no' })));
    pass(10_000);
    const first = await store.prune(retention, limits.batchItemsMax);
    assert.deepEqual(first, { pruned: limits.sweepRowsMax, more: true });
    assert.deepEqual(await store.prune(retention, limits.batchItemsMax), {
      pruned: 1,
      more: false,
    });
  });
});

describe('a paused lane', () => {
  it('takes back a run that waits in it for its retry, and goes on with it', async () => {
    const { scene, store, pass } = openHandWorld();
    const node = await scene.join();
    const [first, second] = await scene.startMany(2, {
      lane: 'x',
      policy: {
        retry: {
          attemptsMax: 3,
          backoff: 'fixed',
          delayMs: 1_000,
          factor: 1,
          delayMsMax: 1_000,
          jitter: 0,
        },
      },
    });
    const run = await scene.claimOne(node);
    await scene.fail(run);
    await store.pause('lane', 'x', 'maintenance');
    pass(2_000);
    await store.sweep(100);
    assert.deepEqual(await scene.claimIds(node), []);
    assert.deepEqual(await scene.allStand([first ?? '', second ?? '']), ['lane', 'lane']);
    await store.resume('lane', 'x');
    assert.deepEqual(await scene.claimIds(node), [first]);
    await scene.nothingIsWrong();
  });

  it('lets its runs wait in the lane when what they waited for at the tenant is over', async () => {
    const { scene, store } = openHandWorld();
    const node = await scene.join();
    await store.setTenant({ ...terms, runningMax: 1 });
    const [running, waits] = await scene.start({ tenant: 'a' }, { tenant: 'a', lane: 'x' });
    const run = await scene.claimOne(node);
    assert.equal(run.id, running);
    assert.equal(await scene.stands(waits), 'tenant');
    await store.pause('lane', 'x', 'maintenance');
    await scene.succeed(run);
    assert.equal(await scene.stands(waits), 'lane');
    await store.resume('lane', 'x');
    assert.equal(await scene.stands(waits), 'slot');
    await scene.nothingIsWrong();
  });
});

/** (G5) The contract of cancelling runs. */
import assert from 'node:assert/strict';
import { wallPlus } from '../../../src/core/time.ts';
import { boom, gone, noGrace, type Scene } from './scene.ts';
import type { Contract } from './suite.ts';

const cancelled = (reason: string) => ({
  kind: 'cancelled',
  error: { code: 'run.cancelled', message: reason },
});

/** Cancels one run and gives what was said. */
async function cancel(scene: Scene, id: string | undefined, reason = 'no more') {
  const { reply, woken } = await scene.store.cancel([{ id: id ?? '', reason }]);
  const [verdict] = reply;
  assert.ok(verdict !== undefined);
  return { said: verdict.ok ? verdict.state : verdict.code, woken };
}

export function cancelling(contract: Contract): void {
  waiting(contract);
  running(contract);
}

function waiting(contract: Contract): void {
  contract('ends a waiting run at once, at whichever gate it stands', async (scene) => {
    const node = await scene.join();
    await scene.store.setTenant({ tenant: 'full', weight: 1, runningMax: 0, waitingMax: null });
    await scene.start({ lane: 'held' });
    const ids = await scene.start(
      { dueAt: wallPlus(scene.world.now(), 3_600_000) },
      { lane: 'held' },
      { tenant: 'full' },
      {},
    );
    assert.deepEqual(await scene.allStand(ids), ['time', 'lane', 'tenant', 'slot']);
    for (const id of ids) {
      const { said, woken } = await cancel(scene, id, 'changed my mind');
      assert.equal(said, 'cancelled');
      assert.equal(woken.done, true);
      const run = await scene.get(id);
      assert.deepEqual(run.outcome, cancelled('changed my mind'));
      assert.deepEqual([run.attempt, run.attempts, run.dueAt], [0, [], null]);
    }
    assert.equal((await scene.claim(node)).length, 1);
  });

  contract('ends a run that waits for its retry, and one that is quarantined', async (scene) => {
    const policy = { crashesMax: 1 };
    const [failing, crashing] = await scene.start({}, { policy });
    const node = await scene.join();
    const [first] = await scene.claim(node);
    assert.ok(first !== undefined);
    await scene.fail(first, { advice: { kind: 'after', delayMs: 3_600_000 } });
    await scene.bury(node);
    assert.deepEqual(await scene.allStand([failing ?? '', crashing ?? '']), [
      'time',
      'quarantined',
    ]);
    assert.equal((await cancel(scene, failing)).said, 'cancelled');
    assert.equal((await cancel(scene, crashing)).said, 'cancelled');
    assert.equal((await scene.get(crashing)).quarantine, null);
  });

  contract('says when there is nothing to cancel, each item for itself', async (scene) => {
    const node = await scene.join();
    const [done, other] = await scene.start({}, {});
    await scene.succeed(await scene.claimOne(node));
    const items = [done, 'unknown', other, other].map((id) => ({ id: id ?? '', reason: 'x' }));
    const { reply } = await scene.store.cancel(items);
    assert.deepEqual(
      reply.map((verdict) => (verdict.ok ? verdict.state : verdict.code)),
      ['run.already_done', 'run.not_found', 'cancelled', 'run.already_done'],
    );
    assert.equal(await scene.stands(done), 'succeeded');
  });
}

function running(contract: Contract): void {
  contract('asks the owner of a running run to stop, once', async (scene) => {
    const [node, other] = [await scene.join(), await scene.join()];
    const [id] = await scene.start({});
    const { seq, fence } = await scene.claimOne(node);
    const { said, woken } = await cancel(scene, id, 'first reason');
    assert.equal(said, 'stopping');
    assert.deepEqual(woken, { ready: false, stop: true, done: false });
    const again = await cancel(scene, id, 'second reason');
    assert.deepEqual([again.said, again.woken.stop], ['stopping', false]);
    assert.deepEqual(await scene.store.stops(node), [
      { seq, fence, cause: 'cancel', reason: 'first reason' },
    ]);
    assert.deepEqual(await scene.store.stops(other), []);
    const run = await scene.get(id);
    assert.deepEqual([run.status, run.stopReason], ['running', 'first reason']);
  });

  contract('ends as cancelled when the owner obeys, fails or hands back', async (scene) => {
    const node = await scene.join();
    const ids = await scene.startMany(4, { lane: 'x', laneWidth: 4 });
    const ends = [
      { how: 'stopped', settled: true },
      { how: 'failed', error: boom, chance: 0 },
      { how: 'handed-back' },
      { how: 'timed-out', error: boom, chance: 0, scope: 'attempt', settled: true },
    ] as const;
    for (const [at, run] of (await scene.claim(node)).entries()) {
      await cancel(scene, run.id, 'enough');
      const verdict = await scene.end(run, ends[at] ?? { how: 'handed-back' });
      assert.deepEqual(verdict, { ok: true, outcome: cancelled('enough'), repeated: false });
    }
    for (const id of ids) assert.deepEqual((await scene.get(id)).outcome, cancelled('enough'));
    assert.deepEqual(await scene.store.stops(node), []);
    assert.deepEqual(await scene.store.lanes(10), []);
  });

  contract('lets a success stand that comes before the owner obeyed', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({});
    const run = await scene.claimOne(node);
    await cancel(scene, id);
    await scene.succeed(run);
    assert.equal(await scene.stands(id), 'succeeded');
    assert.deepEqual(await scene.store.stops(node), []);
  });

  contract('ends as cancelled when the owner dies before it obeys', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({});
    const run = await scene.claimOne(node);
    await cancel(scene, id, 'enough');
    const { reply, woken } = await scene.store.recover(node, gone, 10);
    const counted = { ok: true, requeued: 0, quarantined: 0, ended: 1, more: false };
    assert.deepEqual(reply, counted);
    assert.equal(woken.done, true);
    assert.deepEqual((await scene.get(id)).outcome, cancelled('enough'));
    const late = await scene.end(run, { how: 'succeeded', result: '1' });
    assert.equal(late.ok === false && late.code, 'fence.stale');
  });

  contract('takes a run from an owner that does not obey within its grace', async (scene) => {
    const node = await scene.join();
    const [id, next] = await scene.startMany(2, { lane: 'x', policy: noGrace });
    const run = await scene.claimOne(node);
    await cancel(scene, id, 'enough');
    await scene.until('it was ended', async () => {
      await scene.store.sweep(10);
      return (await scene.stands(id)) !== 'running';
    });
    const shown = await scene.get(id);
    assert.deepEqual(shown.outcome, cancelled('enough'));
    assert.ok(shown.fence > run.fence);
    const late = await scene.end(run, { how: 'succeeded', result: '1' });
    assert.equal(late.ok === false && late.code, 'fence.stale');
    assert.equal(await scene.stands(next), 'lane', '(G4) its code may still be executing');
    await scene.store.settled(node, [run]);
    assert.deepEqual(await scene.claimIds(node), [next]);
  });

  contract('leaves an owner its grace', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({ policy: { graceMs: 60_000 } });
    await scene.claimOne(node);
    await cancel(scene, id);
    const { reply } = await scene.store.sweep(10);
    assert.equal(reply.ended, 0);
    assert.equal(await scene.stands(id), 'running');
  });
}

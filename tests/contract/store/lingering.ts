/** (G4) The contract of code that goes on after its attempt was ended. */
import assert from 'node:assert/strict';
import { wallPlus } from '../../../src/core/time.ts';
import type { ClaimedRun } from '../../../src/ports/store-runs.ts';
import { gone, noGrace, plainPolicy, type Scene } from './scene.ts';
import type { Contract } from './suite.ts';

const late = { code: 'attempt.timed_out', message: 'took longer than 5 ms' };

const cancel = (scene: Scene, id: string | undefined) =>
  scene.store.cancel([{ id: id ?? '', reason: 'no more' }]);

/** Ends an attempt that took too long and whose code does not stop. */
const timeOut = (scene: Scene, run: ClaimedRun) =>
  scene.end(run, { how: 'timed-out', error: late, chance: 0, scope: 'attempt', settled: false });

export function lingering(contract: Contract): void {
  afterTheEnd(contract);
  beforeTheRetry(contract);
  givenUp(contract);
}

function afterTheEnd(contract: Contract): void {
  contract('(G4) holds the lane for code that did not stop, until it settled', async (scene) => {
    const [node, other] = [await scene.join(), await scene.join()];
    const [id, next] = await scene.startMany(2, { lane: 'x' });
    const run = await scene.claimOne(node);
    await cancel(scene, id);
    await scene.end(run, { how: 'stopped', settled: false });
    assert.equal(await scene.stands(id), 'cancelled', '(G5) the run has its outcome all the same');
    assert.deepEqual((await scene.store.lanes(10))[0]?.holders, [id]);
    const { seq, attempt, fence } = run;
    const owned = [{ seq, attempt, fence, lingers: true }];
    assert.deepEqual(await scene.store.owned(node, 10), owned);
    await scene.store.settled(other, [run, { seq: 999, attempt: 1 }]);
    assert.equal(await scene.stands(next), 'lane', 'it is not for others to say');
    const { woken } = await scene.store.settled(node, [run]);
    assert.equal(woken.ready, true);
    assert.equal(await scene.stands(next), 'slot');
    await scene.store.settled(node, [run]);
    assert.deepEqual(await scene.claimIds(other), [next]);
  });

  contract('(G4) takes the death of the node for the end of its lingering code', async (scene) => {
    const node = await scene.join();
    const [id, next] = await scene.startMany(2, { lane: 'x' });
    const run = await scene.claimOne(node);
    await cancel(scene, id);
    await scene.end(run, { how: 'stopped', settled: false });
    const before = await scene.get(id);
    const { reply } = await scene.store.recover(node, gone, 10);
    const counted = { ok: true, requeued: 0, quarantined: 0, ended: 0, more: false };
    assert.deepEqual(reply, counted, 'the run itself had ended before');
    assert.equal(await scene.stands(next), 'slot');
    const after = await scene.get(id);
    assert.deepEqual(after.outcome, before.outcome);
    assert.equal(after.crashes, 0);
  });
}

function beforeTheRetry(contract: Contract): void {
  contract(
    'does not try a run of a lane again while the code of its last attempt goes on',
    async (scene) => {
      const [node, other] = [await scene.join(), await scene.join()];
      await scene.store.setTenant({ tenant: 'one', weight: 1, runningMax: 1, waitingMax: null });
      const [id, next] = await scene.start({ lane: 'x', tenant: 'one' }, { lane: 'x' });
      const [elsewhere] = await scene.start({ tenant: 'one' });
      const run = await scene.claimOne(node);
      const verdict = await timeOut(scene, run);
      assert.deepEqual(verdict, { ok: true, outcome: null, repeated: false });
      assert.deepEqual(await timeOut(scene, run), { ok: true, outcome: null, repeated: true });
      const waits = [id ?? '', next ?? '', elsewhere ?? ''];
      assert.deepEqual(await scene.allStand(waits), ['parked', 'lane', 'tenant']);
      assert.deepEqual(await scene.claimIds(other), []);
      await scene.store.settled(other, [run]);
      assert.equal(await scene.stands(id), 'parked', 'it is not for others to say');
      const { woken } = await scene.store.settled(node, [run]);
      assert.equal(woken.ready, true);
      const again = await scene.claimOne(other);
      assert.deepEqual([again.id, again.attempt, again.failures], [id, 2, 1]);
      await scene.succeed(again);
      assert.deepEqual(await scene.claimIds(other), [next, elsewhere]);
    },
  );

  contract('waits the same when others took the attempt away', async (scene) => {
    const node = await scene.join();
    const policy = { ...noGrace, attemptTimeoutMs: 30 };
    const [id, next] = await scene.start({ lane: 'x', policy }, { lane: 'x' });
    const run = await scene.claimOne(node);
    await scene.until('the attempt was taken away', async () => {
      await scene.store.sweep(10);
      return (await scene.stands(id)) !== 'running';
    });
    assert.deepEqual(await scene.allStand([id ?? '', next ?? '']), ['parked', 'lane']);
    const verdict = await scene.end(run, { how: 'succeeded', result: '1' });
    assert.equal(verdict.ok === false && verdict.code, 'fence.stale');
    await scene.store.settled(node, [run]);
    assert.equal((await scene.claimOne(await scene.join())).id, id);
  });

  contract('waits for the delay of the policy as well, whichever is over last', async (scene) => {
    const node = await scene.join();
    const retry = { ...plainPolicy.retry, delayMs: 60_000 };
    const [id] = await scene.start({ lane: 'x', policy: { retry } });
    const run = await scene.claimOne(node);
    await timeOut(scene, run);
    await scene.store.settled(node, [run]);
    const { gate, dueAt, attempts } = await scene.get(id);
    assert.deepEqual([gate, dueAt], ['time', (attempts[0]?.endedAt ?? 0) + 60_000]);
    const policy = { retry: { ...retry, delayMs: 10 } };
    const [soon] = await scene.start({ lane: 'y', policy });
    const short = await scene.claimOne(node);
    await timeOut(scene, short);
    const failedAt = scene.world.now();
    await scene.until('the delay is over', async () => {
      await scene.store.sweep(10);
      return scene.world.now() > failedAt + 20;
    });
    assert.equal(await scene.stands(soon), 'parked', 'its code still goes on');
    await scene.store.settled(node, [short]);
    assert.equal((await scene.claimOne(node)).id, soon);
  });

  contract('(G4) is not let on by word of an earlier attempt that comes late', async (scene) => {
    const node = await scene.join();
    const [id, next] = await scene.startMany(2, { lane: 'x' });
    const first = await scene.claimOne(node);
    await timeOut(scene, first);
    await scene.store.settled(node, [first]);
    const second = await scene.claimOne(node);
    await timeOut(scene, second);
    await scene.store.settled(node, [first, { seq: second.seq, attempt: 3 }]);
    assert.deepEqual(await scene.allStand([id ?? '', next ?? '']), ['parked', 'lane']);
    await cancel(scene, id);
    await scene.store.settled(node, [first]);
    assert.deepEqual(await scene.allStand([id ?? '', next ?? '']), ['cancelled', 'lane']);
    await scene.store.settled(node, [second]);
    assert.deepEqual(await scene.claimIds(node), [next]);
  });

  contract(
    'tries again when the node with the code is dead, and counts no crash',
    async (scene) => {
      const node = await scene.join();
      const [id] = await scene.start({ lane: 'x' });
      await timeOut(scene, await scene.claimOne(node));
      await scene.bury(node);
      const run = await scene.claimOne(await scene.join());
      assert.deepEqual([run.id, run.attempt, run.failures], [id, 2, 1]);
      assert.equal((await scene.get(id)).crashes, 0);
    },
  );

  contract('tries a run without a lane again at once: its fence is guard enough', async (scene) => {
    const [node, other] = [await scene.join(), await scene.join()];
    const [id] = await scene.start({});
    const run = await scene.claimOne(node);
    await timeOut(scene, run);
    const again = await scene.claimOne(other);
    assert.equal(again.id, id);
    assert.ok(again.fence > run.fence);
    await scene.store.settled(node, [run]);
    assert.equal(await scene.stands(id), 'running');
    await scene.succeed(again);
  });
}

function givenUp(contract: Contract): void {
  contract(
    'ends a run that waits for its own code, and holds the lane all the same',
    async (scene) => {
      const node = await scene.join();
      const deadlineAt = wallPlus(scene.world.now(), 3_600_000);
      const [id, next] = await scene.start({ lane: 'x', deadlineAt }, { lane: 'x' });
      const run = await scene.claimOne(node);
      await timeOut(scene, run);
      const { reply } = await cancel(scene, id);
      assert.deepEqual(reply, [{ ok: true, state: 'cancelled' }]);
      assert.deepEqual(await scene.allStand([id ?? '', next ?? '']), ['cancelled', 'lane']);
      await scene.store.settled(node, [run]);
      assert.equal(await scene.stands(next), 'slot');
    },
  );

  contract('ends it as well when its deadline passes', async (scene) => {
    const node = await scene.join();
    const deadlineAt = wallPlus(scene.world.now(), 300);
    const [id, next] = await scene.start({ lane: 'x', deadlineAt }, { lane: 'x' });
    const run = await scene.claimOne(node);
    await timeOut(scene, run);
    await scene.until('the deadline passed', async () => {
      await scene.store.sweep(10);
      return (await scene.stands(id)) === 'timed-out';
    });
    assert.ok(scene.world.now() >= deadlineAt);
    assert.equal(await scene.stands(next), 'lane');
    await scene.store.settled(node, [run]);
    assert.equal(await scene.stands(next), 'slot');
  });
}

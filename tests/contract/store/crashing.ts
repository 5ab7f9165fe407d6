/** (G1, G3, G7) The contract of taking runs over from nodes that died. */
import assert from 'node:assert/strict';
import type { DeathEvidence } from '../../../src/ports/store-nodes.ts';
import { gone, plainPolicy } from './scene.ts';
import type { Contract } from './suite.ts';

const leaseOver: DeathEvidence = {
  kind: 'lease-over',
  detail: { code: 'attempt.crashed', message: 'the lease is over' },
};

export function crashing(contract: Contract): void {
  judging(contract);
  takingOver(contract);
  givingUp(contract);
}

function judging(contract: Contract): void {
  contract('refuses to bury a node whose lease holds, and changes nothing', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({});
    const run = await scene.claimOne(node);
    const before = await scene.get(id);
    const { reply } = await scene.store.recover(node, leaseOver, 10);
    assert.equal(reply.ok === false && reply.code, 'node.alive');
    assert.deepEqual(await scene.get(id), before);
    assert.equal((await scene.store.nodes())[0]?.state, 'live');
    await scene.succeed(run);
  });

  contract('buries a node whose lease is over', async (scene) => {
    const node = await scene.join({ ttlMs: 30 });
    const [id] = await scene.start({});
    await scene.claimOne(node);
    await scene.until('its lease is over', async () => {
      const { reply } = await scene.store.recover(node, leaseOver, 10);
      return reply.ok;
    });
    const row = (await scene.store.nodes())[0];
    assert.deepEqual([row?.state, row?.running], ['dead', 0]);
    assert.equal(await scene.stands(id), 'slot');
  });

  contract('buries a node at once whose process is proven gone, draining or not', async (scene) => {
    const [live, draining] = [await scene.join(), await scene.join()];
    await scene.startMany(2, {});
    await scene.claimOne(live);
    await scene.claimOne(draining);
    await scene.store.drain(draining);
    for (const node of [live, draining]) {
      const { reply, woken } = await scene.store.recover(node, gone, 10);
      const counted = { ok: true, requeued: 1, quarantined: 0, ended: 0, more: false };
      assert.deepEqual(reply, counted);
      assert.equal(woken.ready, true);
    }
  });

  contract('takes over what a node left behind that said goodbye', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({});
    await scene.claimOne(node);
    await scene.store.leave(node);
    const { reply } = await scene.store.recover(node, { ...gone, kind: 'left' }, 10);
    assert.equal(reply.ok && reply.requeued, 1);
    assert.equal((await scene.store.nodes())[0]?.state, 'left');
    assert.equal(await scene.stands(id), 'slot');
  });
}

function takingOver(contract: Contract): void {
  contract('counts the crash with its evidence, and spends no failure', async (scene) => {
    const node = await scene.join({ name: 'the dead one' });
    const [id] = await scene.start({ policy: { retry: { ...plainPolicy.retry, attemptsMax: 1 } } });
    const run = await scene.claimOne(node);
    await scene.bury(node);
    const shown = await scene.get(id);
    assert.deepEqual([shown.crashes, shown.failures, shown.attempt], [1, 0, 1]);
    assert.ok(shown.fence > run.fence);
    const [attempt] = shown.attempts;
    assert.deepEqual(
      [attempt?.attempt, attempt?.end, attempt?.node, attempt?.error],
      [1, 'crashed', 'the dead one', gone.detail],
    );
    const next = await scene.claimOne(await scene.join());
    assert.deepEqual([next.attempt, next.failures], [2, 0]);
    assert.ok(next.fence > shown.fence);
    await scene.succeed(next);
  });

  contract('takes runs over in steps of a bounded size', async (scene) => {
    const node = await scene.join();
    await scene.startMany(5, {});
    await scene.claim(node);
    const steps: (number | boolean)[][] = [];
    for (let more = true; more; ) {
      const { reply } = await scene.store.recover(node, gone, 2);
      assert.ok(reply.ok);
      steps.push([reply.requeued, reply.more]);
      more = reply.more;
    }
    assert.deepEqual(steps, [
      [2, true],
      [2, true],
      [1, false],
    ]);
    assert.equal((await scene.store.nodes())[0]?.running, 0);
  });

  contract('(G1) takes every run over once, however many detectors act at once', async (scene) => {
    const node = await scene.join();
    const other = await scene.world.connect();
    const ids = await scene.startMany(12, {});
    await scene.claim(node);
    const calls = [scene.store, other, scene.store, other].map((store) =>
      store.recover(node, gone, 5),
    );
    const replies = (await Promise.all(calls)).map(({ reply }) => reply);
    assert.ok(replies.every((reply) => reply.ok));
    await scene.bury(node);
    for (const id of ids) assert.equal((await scene.get(id)).crashes, 1);
    assert.equal((await scene.claim(await scene.join())).length, 12);
  });

  contract('keeps the place of a crashed run at the head of its lane', async (scene) => {
    const node = await scene.join();
    const ids = await scene.startMany(3, { lane: 'x' });
    await scene.claimOne(node);
    await scene.bury(node);
    const next = await scene.join();
    for (const id of ids) {
      const run = await scene.claimOne(next);
      assert.equal(run.id, id);
      await scene.succeed(run);
    }
  });
}

function givingUp(contract: Contract): void {
  contract('sets a run aside after as many crashes as its policy allows', async (scene) => {
    const [id, next] = await scene.start({ lane: 'x', policy: { crashesMax: 2 } }, { lane: 'x' });
    let verdicts: unknown[] = [];
    for (let crashes = 0; crashes < 2; crashes += 1) {
      const node = await scene.join();
      await scene.claimOne(node);
      const { reply } = await scene.store.recover(node, gone, 10);
      verdicts = [...verdicts, reply.ok && [reply.requeued, reply.quarantined, reply.ended]];
    }
    assert.deepEqual(verdicts, [
      [1, 0, 0],
      [0, 1, 0],
    ]);
    const run = await scene.get(id);
    assert.deepEqual([run.status, run.crashes, run.outcome], ['quarantined', 2, null]);
    assert.deepEqual(run.quarantine, gone.detail);
    assert.deepEqual(await scene.claimIds(await scene.join()), [next], 'the lane goes on');
    assert.equal((await scene.store.counts()).quarantined, 1);
  });

  contract('ends a run as lost that must not be executed twice', async (scene) => {
    const node = await scene.join();
    const [id, next] = await scene.start(
      { tenant: 'one', policy: { onCrash: 'lose' } },
      { tenant: 'one' },
    );
    await scene.store.setTenant({ tenant: 'one', weight: 1, runningMax: 1, waitingMax: null });
    const late = await scene.claimOne(node);
    const { reply, woken } = await scene.store.recover(node, gone, 10);
    assert.deepEqual(reply.ok && [reply.requeued, reply.ended], [0, 1]);
    assert.deepEqual([woken.done, woken.ready], [true, true]);
    assert.deepEqual((await scene.get(id)).outcome, { kind: 'lost', error: gone.detail });
    assert.equal(await scene.stands(next), 'slot');
    const verdict = await scene.end(late, { how: 'succeeded', result: '1' });
    assert.equal(verdict.ok === false && verdict.code, 'fence.stale');
  });
}

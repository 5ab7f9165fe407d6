/** (G5) The contract of runs that are cancelled in the middle of their work: they clean up. */
import assert from 'node:assert/strict';
import type { NodeKey } from '../../../src/core/execution/run.ts';
import { limits } from '../../../src/core/limits.ts';
import type { ClaimedRun } from '../../../src/ports/store-runs.ts';
import { bear, sweepAll } from './family-words.ts';
import { boom, noGrace, type Scene } from './scene.ts';
import { emitAs, end, endsOf, park, record, running, sleep, waitFor } from './step-words.ts';
import type { Contract } from './suite.ts';

const enough = { kind: 'cancelled', error: { code: 'run.cancelled', message: 'enough' } };
const asked = { cause: 'cancel', reason: 'enough' };

async function cancel(scene: Scene, id: string): Promise<string> {
  const { reply } = await scene.store.cancel([{ id, reason: 'enough' }]);
  const [verdict] = reply;
  assert.ok(verdict !== undefined);
  return verdict.ok ? verdict.state : verdict.code;
}

/** A run with a step that is kept, which is parked. */
async function parked(scene: Scene, wish: Parameters<Scene['item']>[0] = {}): Promise<ClaimedRun> {
  const run = await running(scene, wish);
  await record(scene, run, end('a'));
  await park(scene, run, 1, sleep('s', 3_600_000), waitFor('paid'));
  return run;
}

/** Claims it for its clean-up. */
async function claimAgain(scene: Scene, node: NodeKey, versions?: string[]): Promise<ClaimedRun> {
  const functions = [{ fn: 'work', runsMax: 1, ...(versions === undefined ? {} : { versions }) }];
  const reply = await scene.store.claim({ node, functions, runsMax: 1 });
  assert.ok(reply.ok);
  const [run] = reply.runs;
  assert.ok(run !== undefined, 'nothing was handed out');
  return run;
}

export function cleaningUp(contract: Contract): void {
  handing(contract);
  interrupted(contract);
  bounded(contract);
}

function handing(contract: Contract): void {
  contract('a parked run is handed out once more, with the stop', async (scene) => {
    const { id, fence } = await parked(scene);
    const { reply, woken } = await scene.store.cancel([{ id, reason: 'enough' }]);
    assert.deepEqual(reply, [{ ok: true, state: 'stopping' }]);
    assert.deepEqual([woken.ready, woken.done], [true, false]);
    const shown = await scene.get(id);
    assert.deepEqual([shown.status, shown.gate, shown.stopReason], ['queued', 'slot', 'enough']);
    const node = await scene.join();
    const run = await scene.claimOne(node);
    assert.deepEqual([run.id, run.attempt, run.stop], [id, 2, asked]);
    assert.ok(run.fence > fence);
    const orders = await scene.store.stops(node);
    assert.deepEqual(orders, [{ seq: run.seq, fence: run.fence, ...asked }]);
    await record(scene, run, end('undo'));
    const verdict = await scene.end(run, { how: 'stopped', settled: true });
    assert.deepEqual(verdict, { ok: true, outcome: enough, repeated: false });
    assert.deepEqual(await endsOf(scene, id), ['step/a returned', 'step/undo returned']);
  });

  contract('a run that nobody stops is handed out without one', async (scene) => {
    const node = await scene.join();
    await scene.start({});
    assert.equal((await scene.claimOne(node)).stop, undefined);
  });

  contract('so is one that waits for its retry in the middle of its steps', async (scene) => {
    const run = await running(scene);
    const kept = { seq: run.seq, fence: run.fence, attempt: run.attempt, knows: 0 };
    await scene.store.record([{ ...kept, writes: [end('a')], pin: '1' }]);
    await scene.fail(run, { advice: { kind: 'after', delayMs: 3_600_000 } });
    assert.equal(await scene.stands(run.id), 'time');
    assert.equal(await cancel(scene, run.id), 'stopping');
    assert.equal(await scene.stands(run.id), 'slot', 'at once');
    const next = await claimAgain(scene, await scene.join(), ['1']);
    assert.deepEqual([next.id, next.stop, next.pin], [run.id, asked, '1']);
    await scene.end(next, { how: 'failed', error: boom, chance: 0 });
    assert.deepEqual((await scene.get(run.id)).outcome, enough);
  });

  contract('it passes its gates again, and keeps its lane', async (scene) => {
    await scene.store.setTenant({ tenant: 'a', runningMax: 1 });
    const run = await parked(scene, { tenant: 'a', lane: 'x' });
    const [behind] = await scene.start({ lane: 'x' });
    const node = await scene.join();
    await scene.start({ tenant: 'a' });
    const holder = await scene.claimOne(node);
    assert.equal(await cancel(scene, run.id), 'stopping');
    assert.deepEqual(await scene.allStand([run.id, behind ?? '']), ['tenant', 'lane']);
    await scene.succeed(holder);
    const next = await scene.claimOne(node);
    assert.deepEqual([next.id, next.stop], [run.id, asked]);
    await scene.end(next, { how: 'stopped', settled: true });
    assert.equal(await scene.stands(behind), 'slot');
  });

  contract('cancelled again it stays as it is, and no event wakes it', async (scene) => {
    const { id } = await parked(scene);
    assert.equal(await cancel(scene, id), 'stopping');
    const { reply, woken } = await scene.store.cancel([{ id, reason: 'more' }]);
    assert.deepEqual([reply[0]?.ok, woken.ready], [true, false]);
    assert.equal((await scene.get(id)).stopReason, 'enough');
    await emitAs(scene, 'paid', 1);
    assert.equal(await scene.stands(id), 'slot');
    assert.deepEqual((await scene.claimOne(await scene.join())).stop, asked);
  });

  contract('a success beats the stop, as with any other', async (scene) => {
    const { id } = await parked(scene);
    await cancel(scene, id);
    await scene.succeed(await scene.claimOne(await scene.join()));
    assert.equal(await scene.stands(id), 'succeeded');
  });
}

function interrupted(contract: Contract): void {
  /** Claims a clean-up by a version, so that its steps are known to be kept. */
  async function cleaning(scene: Scene): Promise<{ node: NodeKey; run: ClaimedRun }> {
    const first = await running(scene);
    const waits = [sleep('s', 3_600_000)];
    await scene.end(first, { how: 'parked', waits, seen: 0, pin: '1' });
    await cancel(scene, first.id);
    const node = await scene.join();
    return { node, run: await claimAgain(scene, node, ['1']) };
  }

  contract('one whose owner dies while it cleans up goes on with it', async (scene) => {
    const { node, run } = await cleaning(scene);
    await scene.bury(node);
    const shown = await scene.get(run.id);
    assert.deepEqual([shown.gate, shown.crashes, shown.stopReason], ['slot', 1, 'enough']);
    const next = await claimAgain(scene, await scene.join(), ['1']);
    assert.deepEqual([next.attempt, next.stop], [3, asked]);
    await scene.end(next, { how: 'stopped', settled: true });
    assert.deepEqual((await scene.get(run.id)).outcome, enough);
  });

  contract('one that is handed back goes on elsewhere', async (scene) => {
    const { run } = await cleaning(scene);
    const verdict = await scene.end(run, { how: 'handed-back', begun: true });
    assert.deepEqual(verdict, { ok: true, outcome: null, repeated: false });
    const next = await claimAgain(scene, await scene.join(), ['1']);
    assert.deepEqual([next.attempt, next.stop], [3, asked]);
  });

  contract('one whose owners crash too often ends as cancelled', async (scene) => {
    const { node, run } = await cleaning(scene);
    await scene.bury(node);
    for (const stand of ['slot', 'cancelled']) {
      const next = await scene.join();
      await claimAgain(scene, next, ['1']);
      await scene.bury(next);
      assert.equal(await scene.stands(run.id), stand);
    }
  });

  contract('children are asked to stop at once; those to be terminated do not', async (scene) => {
    const run = await running(scene);
    const node = await scene.join();
    const kids = [
      await bear(scene, run, { id: 'cancel', close: 'cancel' }),
      await bear(scene, run, { id: 'terminate', index: 1, close: 'terminate' }),
    ];
    for (const kid of kids) {
      const claimed = await scene.claimOne(node);
      assert.equal(claimed.id, kid);
      await park(scene, claimed, 0, sleep('s', 3_600_000));
    }
    await park(scene, run, 0, waitFor('never'));
    const { woken } = await scene.store.cancel([{ id: run.id, reason: 'enough' }]);
    assert.equal(woken.family, true);
    await sweepAll(scene);
    assert.deepEqual(await scene.allStand([run.id, ...kids]), ['slot', 'slot', 'slot']);
    const again = await scene.claim(node, 1);
    assert.equal(again[0]?.id, run.id);
    for (const one of again) await scene.end(one, { how: 'stopped', settled: true });
    await sweepAll(scene);
    assert.deepEqual(await scene.allStand(kids), ['slot', 'cancelled']);
  });
}

function bounded(contract: Contract): void {
  contract('others end it when its owner does not obey, by the grace alone', async (scene) => {
    const { id } = await parked(scene, { policy: noGrace });
    await cancel(scene, id);
    const run = await scene.claimOne(await scene.join());
    assert.deepEqual(run.stop, asked);
    await scene.until('it was ended', async () => {
      await scene.store.sweep(100);
      return (await scene.stands(id)) === 'cancelled';
    });
    const late = await scene.end(run, { how: 'stopped', settled: true });
    assert.equal(late.ok, false);
  });

  contract('a deadline that passes while nobody takes it up ends it', async (scene) => {
    const deadlineAt = (scene.world.now() + 200) as ClaimedRun['acceptedAt'];
    const { id } = await parked(scene, { deadlineAt });
    assert.equal(await cancel(scene, id), 'stopping');
    await scene.until('its deadline passed', async () => {
      await scene.store.sweep(100);
      return (await scene.stands(id)) === 'cancelled';
    });
  });

  contract('the next time of the store is when nobody has taken it up', async (scene) => {
    const { id } = await parked(scene);
    const from = scene.world.now();
    await cancel(scene, id);
    const { reply } = await scene.store.sweep(100);
    assert.ok(reply.nextDueAt !== null);
    const waitMs = reply.nextDueAt - from;
    assert.ok(
      waitMs > limits.cleanUpWaitMs / 2 && waitMs < limits.cleanUpWaitMs * 2,
      `${waitMs} ms`,
    );
    assert.equal(await scene.stands(id), 'slot');
  });
}

/** The contract of deadlines, and of owners that do not end their attempts in time. */
import assert from 'node:assert/strict';
import { wallPlus } from '../../../src/core/time.ts';
import { noGrace, plainPolicy, type Scene } from './scene.ts';
import type { Contract } from './suite.ts';

const once = { ...plainPolicy.retry, attemptsMax: 1 };

/** Sweeps until the run is not running any more. */
const untilTaken = (scene: Scene, id: string | undefined) =>
  scene.until('the attempt was taken away', async () => {
    await scene.store.sweep(10);
    return (await scene.stands(id)) !== 'running';
  });

export function overdue(contract: Contract): void {
  deadlines(contract);
  attempts(contract);
  bounds(contract);
}

function deadlines(contract: Contract): void {
  contract('ends runs that nobody owns when their deadline has passed', async (scene) => {
    const deadlineAt = wallPlus(scene.world.now(), -1);
    await scene.start({ lane: 'x' });
    const ids = await scene.start(
      { deadlineAt },
      { deadlineAt, lane: 'x' },
      { deadlineAt, dueAt: wallPlus(scene.world.now(), 3_600_000) },
    );
    const [later] = await scene.start({ deadlineAt: wallPlus(scene.world.now(), 3_600_000) });
    const { reply, woken } = await scene.store.sweep(10);
    assert.deepEqual([reply.ended, reply.more, woken.done], [3, false, true]);
    for (const id of ids) {
      const { outcome } = await scene.get(id);
      assert.deepEqual([outcome?.kind, outcome?.error?.code], ['timed-out', 'run.deadline_passed']);
    }
    assert.equal(await scene.stands(later), 'slot');
  });

  contract(
    'lets the lane and the tenant go on past a run that missed its deadline',
    async (scene) => {
      await scene.store.setTenant({ tenant: 'one', weight: 1, runningMax: 1, waitingMax: null });
      const deadlineAt = wallPlus(scene.world.now(), -1);
      const wish = { lane: 'x', tenant: 'one' };
      const [missed, next] = await scene.start({ ...wish, deadlineAt }, wish);
      const { woken } = await scene.store.sweep(10);
      assert.equal(woken.ready, true);
      assert.deepEqual(await scene.allStand([missed ?? '', next ?? '']), ['timed-out', 'slot']);
    },
  );

  contract('leaves the deadline of a running run to its owner, within the grace', async (scene) => {
    const node = await scene.join();
    const deadlineAt = wallPlus(scene.world.now(), 100);
    const [id] = await scene.start({ deadlineAt });
    const run = await scene.claimOne(node);
    await scene.until('the deadline passed', async () => scene.world.now() > deadlineAt);
    assert.equal((await scene.store.sweep(10)).reply.ended, 0);
    const error = { code: 'run.deadline_passed', message: 'late' };
    const end = { how: 'timed-out', error, chance: 0, scope: 'total', settled: true } as const;
    const verdict = await scene.end(run, end);
    assert.equal(verdict.ok && verdict.outcome?.kind, 'timed-out');
    const { outcome, failures } = await scene.get(id);
    assert.deepEqual([outcome?.kind, outcome?.error?.code], ['timed-out', 'run.deadline_passed']);
    assert.equal(failures, 0);
  });

  contract('takes a run from an owner that lets the deadline and the grace pass', async (scene) => {
    const node = await scene.join();
    const deadlineAt = wallPlus(scene.world.now(), 60);
    const [id, next] = await scene.start({ deadlineAt, lane: 'x', policy: noGrace }, { lane: 'x' });
    const run = await scene.claimOne(node);
    await untilTaken(scene, id);
    assert.ok(scene.world.now() >= deadlineAt);
    const { outcome, fence } = await scene.get(id);
    assert.deepEqual([outcome?.kind, outcome?.error?.code], ['timed-out', 'run.deadline_passed']);
    assert.ok(fence > run.fence);
    const late = await scene.end(run, { how: 'succeeded', result: '1' });
    assert.equal(late.ok === false && late.code, 'fence.stale');
    assert.equal(await scene.stands(next), 'lane', '(G4) its code may still be executing');
    await scene.store.settled(node, [run]);
    assert.equal(await scene.stands(next), 'slot');
  });
}

function attempts(contract: Contract): void {
  contract('leaves a run to its owner for its timeout and its grace', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({ policy: { attemptTimeoutMs: 1, graceMs: 60_000 } });
    const run = await scene.claimOne(node);
    const { startedAt } = await scene.get(id);
    await scene.until('the timeout passed', async () => scene.world.now() > (startedAt ?? 0) + 5);
    assert.equal((await scene.store.sweep(10)).reply.ended, 0);
    await scene.succeed(run);
  });

  contract('ends a run whose last attempt its owner did not end in time', async (scene) => {
    const node = await scene.join({ name: 'worker' });
    const policy = { ...noGrace, attemptTimeoutMs: 40, retry: once };
    const [id] = await scene.start({ policy });
    const run = await scene.claimOne(node);
    await untilTaken(scene, id);
    const shown = await scene.get(id);
    assert.deepEqual(
      [shown.outcome?.kind, shown.outcome?.error?.code, shown.failures],
      ['timed-out', 'attempt.timed_out', 1],
    );
    const [attempt] = shown.attempts;
    assert.deepEqual([attempt?.end, attempt?.node], ['timed-out', 'worker']);
    const late = await scene.end(run, { how: 'succeeded', result: '1' });
    assert.equal(late.ok === false && late.code, 'fence.stale');
    assert.deepEqual(await scene.store.stops(node), []);
  });

  contract('tries a run again whose attempt was taken away, under a new fence', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({ policy: { ...noGrace, attemptTimeoutMs: 40 } });
    const late = await scene.claimOne(node);
    await untilTaken(scene, id);
    const run = await scene.claimOne(await scene.join());
    assert.deepEqual([run.id, run.attempt, run.failures], [id, 2, 1]);
    assert.ok(run.fence > late.fence);
    const refused = await scene.end(late, { how: 'succeeded', result: '"old"' });
    assert.equal(refused.ok === false && refused.code, 'fence.stale');
    await scene.succeed(run);
  });
}

function bounds(contract: Contract): void {
  contract('moves a bounded number of runs, and says that more is waiting', async (scene) => {
    const now = scene.world.now();
    await scene.startMany(5, { deadlineAt: wallPlus(now, -1) });
    const first = (await scene.store.sweep(2)).reply;
    const second = (await scene.store.sweep(2)).reply;
    const third = (await scene.store.sweep(2)).reply;
    assert.deepEqual([first.ended, second.ended, third.ended], [2, 2, 1]);
    assert.deepEqual([first.more, second.more, third.more], [true, true, false]);
    const dueAt = wallPlus(scene.world.now(), 400);
    await scene.startMany(5, { dueAt });
    await scene.until('all are due', async () => scene.world.now() >= dueAt);
    const moved: number[] = [];
    for (let more = true; more; ) {
      const { reply } = await scene.store.sweep(2);
      moved.push(reply.due);
      more = reply.more;
    }
    assert.deepEqual(moved, [2, 2, 1]);
  });

  contract('does nothing, and wakes nobody, while nothing is due', async (scene) => {
    const dueAt = wallPlus(scene.world.now(), 3_600_000);
    const idle = { due: 0, ended: 0, more: false };
    const nothing = { ready: false, stop: false, done: false };
    const empty = await scene.store.sweep(10);
    assert.deepEqual(empty, { reply: { ...idle, nextDueAt: null }, woken: nothing });
    await scene.start({ dueAt }, {});
    const later = await scene.store.sweep(10);
    assert.deepEqual(later, { reply: { ...idle, nextDueAt: dueAt }, woken: nothing });
  });
}

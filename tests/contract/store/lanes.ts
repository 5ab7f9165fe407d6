/** (G4) The contract of lanes: width and order. */
import assert from 'node:assert/strict';
import { wallPlus } from '../../../src/core/time.ts';
import type { ClaimedRun } from '../../../src/ports/store-runs.ts';
import { plainPolicy, type Scene } from './scene.ts';
import type { Contract } from './suite.ts';

const inLane = { lane: 'x' } as const;

/**
 * Claims and ends as succeeded until nothing is left; gives the order, and how many at most at
 * once.
 */
async function workOff(scene: Scene, fns?: readonly string[]) {
  const node = await scene.join();
  const order: string[] = [];
  let most = 0;
  for (;;) {
    const runs = await scene.claim(node, 100, fns);
    if (runs.length === 0) return { order, most };
    most = Math.max(most, runs.length);
    order.push(...runs.map((run) => run.id));
    await scene.succeed(...runs);
  }
}

export function lanes(contract: Contract): void {
  width(contract);
  order(contract);
}

function width(contract: Contract): void {
  contract('hands out one run at a time, in order of acceptance', async (scene) => {
    const ids = await scene.startMany(8, inLane);
    assert.deepEqual(await workOff(scene), { order: ids, most: 1 });
  });

  contract(
    'hands out as many at once as the lane is wide, and one more for each end',
    async (scene) => {
      const node = await scene.join();
      const ids = await scene.startMany(9, { ...inLane, laneWidth: 3 });
      const running: ClaimedRun[] = [...(await scene.claim(node))];
      assert.deepEqual(
        running.map((run) => run.id),
        ids.slice(0, 3),
      );
      for (const next of ids.slice(3)) {
        assert.deepEqual(await scene.claimIds(node), []);
        const first = running.shift();
        assert.ok(first !== undefined);
        await scene.succeed(first);
        const claimed = await scene.claim(node);
        assert.deepEqual(
          claimed.map((run) => run.id),
          [next],
        );
        running.push(...claimed);
      }
    },
  );

  contract('keeps lanes apart from each other and from runs without one', async (scene) => {
    const node = await scene.join();
    const [x, , y, free] = await scene.start({ lane: 'x' }, { lane: 'x' }, { lane: 'y' }, {});
    assert.deepEqual((await scene.claimIds(node)).sort(), [x, y, free].sort());
  });

  contract('is one lane for all the functions and tenants that name it', async (scene) => {
    const wishes = Array.from({ length: 8 }, (_, n) => ({
      ...inLane,
      fn: n % 2 === 0 ? 'read' : 'write',
      tenant: `tenant-${n % 3}`,
    }));
    const ids = await scene.start(...wishes);
    assert.deepEqual(await workOff(scene, ['read', 'write']), { order: ids, most: 1 });
  });

  contract('shows who holds a lane, who waits, and since when', async (scene) => {
    const node = await scene.join();
    const [first, second, third] = await scene.startMany(3, inLane);
    await scene.claim(node);
    const waits = await scene.get(second);
    assert.deepEqual(await scene.store.lanes(10), [
      {
        lane: 'x',
        paused: false,
        holders: [first],
        waiting: 2,
        oldestWaitingAt: waits.acceptedAt,
      },
    ]);
    const { laneHolders, laneAhead } = (await scene.store.explain(third ?? '')) ?? {};
    assert.deepEqual(
      laneHolders?.map((run) => run.id),
      [first],
    );
    assert.equal(laneAhead, 1);
  });

  contract('shows no more lanes than asked for, in order of their keys', async (scene) => {
    await scene.start({ lane: 'c' }, { lane: 'a' }, { lane: 'b' }, { lane: 'a' });
    const shown = async (rowsMax: number) =>
      (await scene.store.lanes(rowsMax)).map(({ lane }) => lane);
    assert.deepEqual(await shown(2), ['a', 'b']);
    assert.deepEqual(await shown(9), ['a', 'b', 'c']);
  });
}

function order(contract: Contract): void {
  contract('keeps its order through retries, crashes and work handed back', async (scene) => {
    const ids = await scene.startMany(3, inLane);
    let node = await scene.join();
    for (const id of ids) {
      for (const attempt of [1, 2, 3, 4]) {
        const run = await scene.claimOne(node);
        assert.deepEqual([run.id, run.attempt], [id, attempt]);
        assert.deepEqual(await scene.claimIds(node), [], 'nobody else of the lane meanwhile');
        if (attempt === 1) await scene.fail(run);
        if (attempt === 2) await scene.end(run, { how: 'handed-back' });
        if (attempt === 4) await scene.succeed(run);
        if (attempt !== 3) continue;
        await scene.bury(node);
        node = await scene.join();
      }
    }
  });

  contract('holds the lane for a run that waits for its retry', async (scene) => {
    const node = await scene.join();
    const retry = { ...plainPolicy.retry, delayMs: 120 };
    const [first, second] = await scene.start({ ...inLane, policy: { retry } }, inLane);
    const failed = await scene.fail(await scene.claimOne(node));
    assert.equal(failed.outcome, null);
    assert.deepEqual((await scene.store.lanes(10))[0]?.holders, [first]);
    await scene.until('the retry was handed out', async () => {
      await scene.store.sweep(10);
      const [run] = await scene.claim(node);
      assert.notEqual(run?.id, second);
      if (run !== undefined) await scene.succeed(run);
      return run !== undefined;
    });
    assert.deepEqual(await scene.claimIds(node), [second]);
  });

  contract(
    'lets a delayed run in by acceptance once it is due, and past it before',
    async (scene) => {
      const node = await scene.join();
      const now = scene.world.now();
      const [soon, later, hour] = await scene.start(
        { ...inLane, dueAt: wallPlus(now, 1_500) },
        { ...inLane, dueAt: wallPlus(now, 1_501) },
        { ...inLane, dueAt: wallPlus(now, 3_600_000) },
      );
      const [first, second] = await scene.start(inLane, inLane);
      assert.equal(await scene.stands(first), 'slot', 'who is not due yet is nobody in the lane');
      const run = await scene.claimOne(node);
      await scene.untilDue(soon);
      await scene.untilDue(later);
      await scene.succeed(run);
      const rest: string[] = [];
      for (let n = 0; n < 3; n += 1) {
        const next = await scene.claimOne(node);
        rest.push(next.id);
        await scene.succeed(next);
      }
      assert.deepEqual([run.id, ...rest], [first, soon, later, second]);
      assert.equal(await scene.stands(hour), 'time');
    },
  );
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limits } from '../../src/core/limits.ts';
import { storeScene } from './store-scene.ts';

describe('the hand-out inside the database', () => {
  it('goes by rank over many functions, and reads on where one was read short', async () => {
    await using at = await storeScene();
    const fns = ['a', 'b', 'c', 'd', 'e', 'f'];
    const functions = fns.map((fn) => ({ fn, version: '1', digest: 'd' }));
    const node = await at.scene.join({ functions });
    // All of 'a' comes first, so that its share of the first look is too small.
    const first = await at.scene.startMany(90, { fn: 'a' });
    const rest: string[] = [];
    for (const fn of fns.slice(1)) rest.push(...(await at.scene.startMany(10, { fn })));
    assert.deepEqual(await at.scene.claimIds(node, 90, fns), first);
    assert.deepEqual(await at.scene.claimIds(node, 90, fns), rest);
  });

  it('hands out a run that comes to stand before what was handed out already', async () => {
    await using at = await storeScene();
    const node = await at.scene.join();
    await at.scene.startMany(20, {});
    await at.scene.claim(node, 10);
    // Its head start puts it before the floor that the claim has left.
    const [urgent] = await at.scene.start({ prioritySeconds: limits.prioritySecondsMax });
    const [lane] = await at.scene.start({ lane: 'l', prioritySeconds: limits.prioritySecondsMax });
    assert.deepEqual(await at.scene.claimIds(node, 2), [urgent, lane]);
    assert.equal((await at.scene.claim(node, 20)).length, 10);
    await at.scene.nothingIsWrong();
  });

  it('(G8) looks at no dead row, however many a held snapshot keeps', async () => {
    await using at = await storeScene();
    const node = await at.scene.join();
    const holder = await at.hold();
    for (let n = 0; n < 20; n += 1) {
      await at.scene.startMany(200, {});
      const runs = await at.scene.claim(node, 200);
      const end = { how: 'succeeded', result: '1' } as const;
      await at.store.end(runs.map(({ seq, fence }) => ({ seq, fence, end })));
    }
    await at.scene.startMany(10, {});
    const [floor] = await at.sql(
      `select a, b from $s.cells where kind = 'floor' and key = 'work' order by n desc limit 1`,
    );
    const touched = async (where: string): Promise<number> => {
      const [plan] = await at.sql(
        `explain (analyze, buffers, format json) select seq from $s.live
         where fn = 'work' and stage = 4 and ${where} order by rank, seq limit 10`,
      );
      assert.ok(plan !== undefined);
      const [found] = plan['QUERY PLAN'] as { Plan: Record<string, number> }[];
      return Number(found?.Plan['Shared Hit Blocks']) + Number(found?.Plan['Shared Read Blocks']);
    };
    const fromFloor = await touched(`(rank, seq) >= (${floor?.a}, ${floor?.b})`);
    const fromStart = await touched('true');
    assert.ok(fromFloor * 10 < fromStart, `${fromFloor} blocks from the floor, else ${fromStart}`);
    await holder.release();
  });

  it('counts live rows exactly through every way of beginning and ending', async () => {
    await using at = await storeScene();
    const node = await at.scene.join();
    const ids = await at.scene.startMany(10, {});
    await at.scene.start({ lane: 'l' }, { lane: 'l' });
    await at.scene.succeed(...(await at.scene.claim(node, 5)));
    await at.store.cancel([{ id: ids[9] ?? '', reason: 'no more' }]);
    const [failing] = await at.scene.claim(node, 1);
    assert.ok(failing !== undefined);
    await at.scene.end(failing, {
      how: 'failed',
      error: { code: 'attempt.failed', message: 'no' },
      advice: { kind: 'never' },
      chance: 0,
    });
    const [kept] = await at.sql(
      `select a from $s.cells where kind = 'live' order by n desc limit 1`,
    );
    const counts = await at.store.counts();
    const { queued, running, parked, quarantined } = counts;
    assert.equal(kept?.a, queued + running + parked + quarantined);
    await at.scene.nothingIsWrong();
  });

  it('(G4) lets in as many as a wide lane has room for, past those looked at first', async () => {
    await using at = await storeScene();
    const node = await at.scene.join();
    await at.store.pause('lane', 'wide', 'a while');
    const ids = await at.scene.startMany(60, { lane: 'wide', laneWidth: 50 });
    await at.store.resume('lane', 'wide');
    assert.deepEqual(await at.scene.claimIds(node, 100), ids.slice(0, 50));
    await at.scene.nothingIsWrong();
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { systemClock } from '../../src/system/clock.ts';
import { parsePostgresAddress } from '../../src/system/postgres/address.ts';
import { Scene } from '../contract/store/scene.ts';
import { type Cluster, startCluster } from './cluster.ts';

const rounds = 3;

describe('a server that crashes', () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.dispose());

  const open = async () => {
    const address = parsePostgresAddress(cluster.url());
    const store = await openPostgresStore({ address, log: { log() {} }, busyPatienceMs: 20_000 });
    const world = { store, connect: open, now: systemClock().wall, pass: async () => {} };
    return new Scene({ ...world, connect: async () => store, close: () => store.close() });
  };

  it('(G3) has every run that was acknowledged, and every end, under its fence', async () => {
    const scene = await open();
    const node = await scene.join();
    for (let round = 0; round < rounds; round += 1) {
      const ids = await scene.startMany(20, { tags: [`round-${round}`] });
      const taken = await scene.claim(node, 10);
      await scene.succeed(...taken.slice(0, 5));
      // At once: what waited only in the memory of the server is gone with it.
      await cluster.stop('immediate');
      await cluster.start();
      const stand = await scene.allStand(ids);
      const count = (word: string): number => stand.filter((one) => one === word).length;
      assert.deepEqual(
        [count('succeeded'), count('running'), count('slot')],
        [5, 5, 10],
        `round ${round}`,
      );
      for (const { id, fence } of taken) assert.equal((await scene.get(id)).fence, fence);
      await scene.succeed(...taken.slice(5));
      await scene.succeed(...(await scene.claim(node)));
    }
    await scene.nothingIsWrong();
    await scene.world.close();
  });

  it('(G3) serves the calls that wait for it when it is back', async () => {
    const scene = await open();
    const node = await scene.join();
    await cluster.stop('immediate');
    const started = scene.start({ id: 'late-1' }, { id: 'late-2', lane: 'l' });
    await cluster.start();
    assert.equal((await started).length, 2);
    await scene.succeed(...(await scene.claim(node)));
    await scene.world.close();
  });
});

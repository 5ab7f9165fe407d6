/**
 * Runs that were started in the transactions of others: none is forgotten, however long its
 * transaction stays open while others are accepted.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pg from 'pg';
import { sweepAll } from '../contract/store/family-words.ts';
import { testServer } from './server.ts';
import { type StoreScene, storeScene } from './store-scene.ts';

/** A transaction of somebody, in which runs are started. */
async function somebody(at: StoreScene) {
  const client = new pg.Client({ connectionString: (await testServer()).url });
  await client.connect();
  await client.query('begin');
  return {
    async start(id: string) {
      const options = JSON.stringify({ id });
      await client.query(`select "${at.schema}".start('work', '1', $1)`, [options]);
    },
    commit: () => client.query('commit'),
    [Symbol.asyncDispose]: () => client.end(),
  };
}

describe('the inbox', () => {
  it('forgets no run whose transaction commits long after later ones', async () => {
    await using at = await storeScene();
    const settled = async (): Promise<number> =>
      Number((await at.sql('select $s.inbox_settled() as n'))[0]?.n);
    await using late = await somebody(at);
    await late.start('late');
    const later = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 1) {
        await at.sql(`select $s.start('work', '1')`);
        await sweepAll(at.scene);
      }
    };
    await later(5);
    assert.equal(await settled(), 0, 'nothing is settled while it may still come');
    assert.equal((await at.store.counts()).queued, 5);
    await late.commit();
    await sweepAll(at.scene);
    assert.equal((await at.store.counts()).queued, 6);
    await later(3);
    assert.ok((await settled()) > 1, 'it is over, so that nobody looks there again');
    await at.scene.nothingIsWrong();
  });

  it('forgets no run for which there was no room', async () => {
    await using at = await storeScene();
    await at.store.setTenant({ tenant: 'small', weight: 1, runningMax: null, waitingMax: 1 });
    const node = await at.scene.join();
    for (const id of ['one', 'two', 'three']) {
      const options = JSON.stringify({ id, tenant: 'small' });
      await at.sql(`select $s.start('work', '1', $1)`, [options]);
    }
    for (let n = 0; n < 4; n += 1) {
      await at.sql(`select $s.start('work', '1')`);
      await sweepAll(at.scene);
    }
    for (let left = 7; left > 0; left -= 1) {
      const [run] = await at.scene.claim(node, 1);
      assert.ok(run !== undefined, `${left} are left`);
      await at.scene.succeed(run);
      await sweepAll(at.scene);
    }
    assert.equal((await at.store.counts()).succeeded, 7);
    await at.scene.nothingIsWrong();
  });
});

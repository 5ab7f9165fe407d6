import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pg from 'pg';
import { storeScene } from './store-scene.ts';

const busy = { code: '55P03' };

describe('the gate and its doors', () => {
  it('(G1) let a claim and ends pass side by side, and nobody else', async () => {
    await using at = await storeScene();
    const enter = async (client: pg.Client, way: string): Promise<void> => {
      await client.query(`select "${at.schema}".${way}`);
    };
    const connect = async (): Promise<pg.Client> => {
      const client = new pg.Client({ connectionString: at.url.split('?')[0] });
      await client.connect();
      await client.query("set lock_timeout = '20ms'");
      return client;
    };
    const inside = await connect();
    const other = await connect();
    const ways = ['gate()', "door('hand-out')", "door('ends')"];
    for (const taken of ways) {
      await inside.query('begin');
      await enter(inside, taken);
      for (const way of ways) {
        const beside = taken !== way && taken !== 'gate()' && way !== 'gate()';
        if (beside) await enter(other, way);
        else await assert.rejects(enter(other, way), busy, `${way} beside ${taken}`);
      }
      await inside.query('commit');
    }
    await Promise.all([inside.end(), other.end()]);
  });

  it('are what claims and ends come through', async () => {
    await using at = await storeScene({ busyPatienceMs: 100 });
    const node = await at.scene.join();
    await at.scene.startMany(2, {});
    const runs = await at.scene.claim(node, 1);
    const ends = runs.map(({ seq, fence }) => ({
      ...{ seq, fence },
      end: { how: 'succeeded', result: '1' } as const,
    }));
    const ask = { node, functions: [{ fn: 'work', runsMax: 1 }], runsMax: 1 };
    const holder = new pg.Client({ connectionString: at.url.split('?')[0] });
    await holder.connect();
    await holder.query(`begin; select "${at.schema}".gate()`);
    await assert.rejects(at.store.end(ends), { code: 'store.busy' });
    await assert.rejects(at.store.claim(ask), { code: 'store.busy' });
    await holder.query('rollback');
    await holder.query(`begin; select "${at.schema}".door('hand-out')`);
    await assert.rejects(at.store.claim(ask), { code: 'store.busy' });
    assert.equal((await at.store.end(ends)).reply[0]?.ok, true);
    await holder.end();
    const last = await at.scene.claim(node, 1);
    assert.equal(last.length, 1);
    await at.scene.nothingIsWrong();
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { storeScene } from './store-scene.ts';

describe('a schema that several versions of the program use', () => {
  it('is made once, however many nodes start on it at the same moment', async () => {
    await using at = await storeScene();
    await at.sql('drop schema $s cascade');
    const stores = await Promise.all([1, 2, 3, 4, 5].map(() => at.connect()));
    await Promise.all(stores.map((store) => store.counts()));
    const [version] = await at.sql(`select value from $s.meta where key = 'version'`);
    assert.equal(version?.value, '1');
  });

  it('is used by the version before, where the newer one says that this one may', async () => {
    await using at = await storeScene();
    await at.sql(`update $s.meta set value = '2' where key = 'version'`);
    await at.sql(`update $s.meta set value = '1' where key = 'oldest'`);
    const older = await at.connect();
    const node = await at.scene.join();
    await older.start([at.scene.item()]);
    const [run] = await at.scene.claim(node);
    assert.ok(run !== undefined);
    await at.scene.succeed(run);
    const [version] = await at.sql(`select value from $s.meta where key = 'version'`);
    assert.equal(version?.value, '2', 'the older one left the version alone');
  });

  it('is refused by a version that it is too new for, which changes nothing', async () => {
    await using at = await storeScene();
    await at.sql(`update $s.meta set value = '3' where key = 'version'`);
    await at.sql(`update $s.meta set value = '2' where key = 'oldest'`);
    await assert.rejects(at.connect(), { code: 'store.newer_schema' });
  });

  it('is not made by a store that may not', async () => {
    await using at = await storeScene();
    await at.sql('drop schema $s cascade');
    await assert.rejects(at.connect({ migrate: false }), { code: 'store.older_schema' });
    const found = await at.sql('select 1 from pg_namespace where nspname = $1', [at.schema]);
    assert.deepEqual(found, []);
  });

  it('is left alone when its tables are those of another program', async () => {
    await using at = await storeScene();
    await at.sql('drop schema $s cascade; create schema $s; create table $s.jobs (id int)');
    await assert.rejects(at.connect(), { code: 'store.corrupt' });
    const tables = await at.sql('select 1 from pg_tables where schemaname = $1', [at.schema]);
    assert.equal(tables.length, 1);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { schemaVersion } from '../../src/store/postgres/schema/migrations.ts';
import { runRowsSql } from '../../src/store/postgres/schema/tables.ts';
import { storeScene } from './store-scene.ts';

/** Makes the schema look as a program of that version leaves it. */
async function mark(
  at: Awaited<ReturnType<typeof storeScene>>,
  version: number,
  oldest: number,
): Promise<void> {
  await at.sql(`update $s.meta set value = '${version}' where key = 'version'`);
  await at.sql(`update $s.meta set value = '${oldest}' where key = 'oldest'`);
}

describe('a schema that several versions of the program use', () => {
  it('is made once, however many nodes start on it at the same moment', async () => {
    await using at = await storeScene();
    await at.sql('drop schema $s cascade');
    const stores = await Promise.all([1, 2, 3, 4, 5].map(() => at.connect()));
    await Promise.all(stores.map((store) => store.counts()));
    const [version] = await at.sql(`select value from $s.meta where key = 'version'`);
    assert.equal(version?.value, String(schemaVersion));
  });

  it('is used by the version before, where the newer one says that this one may', async () => {
    await using at = await storeScene();
    await mark(at, schemaVersion + 1, schemaVersion);
    const older = await at.connect();
    const node = await at.scene.join();
    await older.start([at.scene.item()]);
    const [run] = await at.scene.claim(node);
    assert.ok(run !== undefined);
    await at.scene.succeed(run);
    const [version] = await at.sql(`select value from $s.meta where key = 'version'`);
    assert.equal(version?.value, String(schemaVersion + 1), 'the older one left the version alone');
  });

  it('gets steps, events and keys from their version, and keeps its rows', async () => {
    await using at = await storeScene();
    await at.scene.start({});
    const made = await at.sql(
      `select p.oid::regprocedure::text as name from pg_proc p
       where p.pronamespace = $1::regnamespace and p.proname in ('record', 'park_plain',
         'emit_plain', 'prune_events', 'look_back', 'event_meets', 'wanted_paths', 'load_wanting',
         'load_steps', 'load_all', 'apply_steps', 'wake_plain', 'put_key', 'append_parts',
         'part_blocks')`,
      [`"${at.schema}"`],
    );
    assert.equal(made.length, 15);
    for (const { name } of made) await at.sql(`drop function ${name}`);
    await at.sql('drop table $s.steps, $s.events, $s.access_keys, $s.parts, $s.part_sums');
    await at.sql(`delete from $s.cells where kind = 'events'`);
    await at.sql('alter table $s.runs drop column trace cascade');
    await at.sql(runRowsSql('$s', ''));
    await mark(at, schemaVersion - 1, 1);
    const newer = await at.connect();
    const item = { id: 'e', name: 'paid', tenant: 'default', data: '1' };
    const { reply } = await newer.emit([item]);
    assert.deepEqual(reply, [{ ok: true, id: 'e', created: true, woke: 0, more: false }]);
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await newer.start([at.scene.item({ trace })]);
    assert.equal((await newer.counts()).queued, 2);
    const runs = await at.scene.claim(await at.scene.join());
    assert.deepEqual(
      runs.map((run) => run.trace),
      [null, trace],
    );
    const [version] = await at.sql(`select value from $s.meta where key = 'version'`);
    assert.equal(version?.value, String(schemaVersion));
  });

  it('is refused by a version that it is too new for, which changes nothing', async () => {
    await using at = await storeScene();
    await mark(at, schemaVersion + 2, schemaVersion + 1);
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

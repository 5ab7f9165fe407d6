import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { migrationText, schemaVersion } from '../../src/store/postgres/schema/migrations.ts';
import { bear } from '../contract/store/family-words.ts';
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

  for (let from = 1; from < schemaVersion; from += 1) {
    it(`gets from version ${from} to the newest, and keeps its rows`, async () => {
      await using at = await storeScene();
      await at.sql('drop schema $s cascade');
      await at.sql(migrationText(at.schema, 0, from));
      await at.sql(`select $s.start('work', '1', '{"id":"early"}')`);
      const newer = await at.connect();
      await newer.sweep(100);
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
      const [run] = runs;
      assert.ok(run !== undefined);
      assert.equal(await bear(at.scene, run, { id: 'child' }), 'child');
      await at.scene.succeed(...runs);
      const [version] = await at.sql(`select value from $s.meta where key = 'version'`);
      assert.equal(version?.value, String(schemaVersion));
    });
  }

  it('lets a program of version 2 work on, and keeps from it what it cannot execute', async () => {
    await using at = await storeScene();
    const { scene } = at;
    const node = await scene.join();
    const ids = await scene.startMany(6, {});
    for (const { seq, fence, attempt, id } of await scene.claim(node)) {
      const write = { does: 'end', key: 'step/a', kind: 'step', tries: 1 } as const;
      const done = { how: 'returned', value: '1', error: null } as const;
      const item = { seq, fence, attempt, knows: 0, writes: [{ ...write, end: done }], pin: '1' };
      await at.store.record(id === ids[5] ? [{ ...item, pin: '2' }] : [item]);
      await scene.end({ seq, fence }, { how: 'handed-back' });
    }
    const claimed = async (...queues: readonly string[]) => {
      const [row] = await at.sql('select $s.claim($1, $2, $3, 100) as value', [
        ...[node, queues, queues.map(() => 100)],
      ]);
      const value = row?.value as
        | { readonly runs?: { readonly id: readonly string[] } }
        | undefined;
      return value?.runs?.id ?? [];
    };
    assert.deepEqual(await claimed('work'), [], 'it asks for the function alone');
    // The order of the version goes on to the last of them.
    const reply = await at.store.claim({
      ...{ node, runsMax: 100 },
      functions: [{ fn: 'work', runsMax: 100, versions: ['1'] }],
    });
    assert.ok(reply.ok && reply.runs.length === 5);
    // What it writes of a run names the function, and knows of no pin.
    const [run] = reply.runs;
    const [row] = await at.sql('select * from $s.live where seq = $1', [run?.seq]);
    const early = {
      ...row,
      fn: 'work',
      stage: 4,
      owner: null,
      started_at: null,
      rank: -5,
      tag: -5,
    };
    await at.sql('select $s.apply($1)', [JSON.stringify({ live_up: [early] })]);
    assert.deepEqual(await claimed('work'), []);
    const again = await at.store.claim({
      ...{ node, runsMax: 100 },
      functions: [{ fn: 'work', runsMax: 100, versions: ['1', '2'] }],
    });
    assert.ok(again.ok);
    assert.deepEqual(
      again.runs.map((one) => [one.id, one.pin]),
      [
        [ids[0], '1'],
        [ids[5], '2'],
      ],
      'behind its floor it would never be found again',
    );
    const over = { seq: run?.seq, outcome: 2, finished_at: 1, error: null, result: null };
    const counts = { attempt: 2, fence: row?.fence, failures: 1, crashes: 0, started_at: 1 };
    await at.sql('select $s.apply($1)', [
      JSON.stringify({ live_out: [run?.seq], ended: [{ ...over, ...counts }], live: -1 }),
    ]);
    assert.equal((await scene.get(ids[0])).pin, null);
    await scene.nothingIsWrong();
  });

  it('gets rows for steps in transactions from its version, and prunes them for all', async () => {
    await using at = await storeScene();
    await at.sql('drop schema $s cascade');
    await at.sql(migrationText(at.schema, 0, 2));
    const newer = await at.connect();
    await at.scene.start({});
    const run = await at.scene.claimOne(await at.scene.join());
    const before = `select count(*)::integer as rows from $s.step_results`;
    await at.sql(
      `begin; select $s.begin_result(${run.seq}, 'step/a', ${run.fence});
       select $s.keep_result((select ctid::text from $s.step_results), ${run.seq}, 'step/a',
         ${run.fence}, '1'); commit`,
    );
    assert.deepEqual(await at.sql(before), [{ rows: 1 }]);
    await at.scene.succeed(run);
    // As a program of version 2 prunes, which knows nothing of them.
    await at.sql('select $s.prune_runs(1, -1, 100)');
    assert.deepEqual(await at.sql(before), [{ rows: 0 }]);
    assert.equal((await newer.counts()).succeeded, 0);
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

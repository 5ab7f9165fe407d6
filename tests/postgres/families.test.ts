/** Families in the database: whoever ends a run of one, its family hears of it. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { moveStore } from '../../src/runtime/move.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { systemClock } from '../../src/system/clock.ts';
import { parsePostgresAddress } from '../../src/system/postgres/address.ts';
import { processTable } from '../../src/system/process-table.ts';
import { systemRandom } from '../../src/system/random.ts';
import {
  bear,
  bearMany,
  childrenOf,
  sweepAll,
  waitForAll,
} from '../contract/store/family-words.ts';
import { Scene } from '../contract/store/scene.ts';
import { park, running } from '../contract/store/step-words.ts';
import { storeScene } from './store-scene.ts';

describe('the families of a schema', () => {
  it('hear of ends by a program that knows nothing of them', async () => {
    await using at = await storeScene();
    const { scene } = at;
    const run = await running(scene);
    await bearMany(scene, run, 2);
    await park(scene, run, 0, waitForAll());
    const [first, second] = await scene.claim(await scene.join(), 2);
    assert.ok(first !== undefined && second !== undefined);
    // As version 2 of the schema is used: the short way, and the decided one.
    const values = [[first.seq], [first.fence], ['1']];
    await at.sql('select $s.succeed_plain($1::bigint[], $2::bigint[], $3::text[])', values);
    const left = await at.sql('select seq::int from $s.closings');
    assert.deepEqual(left, [], 'it was not the last of them');
    const ended = { seq: second.seq, outcome: 2, finished_at: 1, attempt: 1, fence: 1 };
    const written = { live_out: [second.seq], ended: [{ ...ended, failures: 0, crashes: 0 }] };
    await at.sql('select $s.apply($1::json)', [JSON.stringify({ ...written, live: -1 })]);
    assert.deepEqual(await at.sql('select seq::int, how from $s.closings'), [
      { seq: second.seq, how: 'end' },
    ]);
    await sweepAll(scene);
    assert.equal(await scene.stands(run.id), 'slot');
    await scene.nothingIsWrong();
  });

  it('hear of a parent that ends after younger ones', async () => {
    await using at = await storeScene();
    const { scene } = at;
    const older = await running(scene);
    const younger = await running(scene);
    const left = await bear(scene, older, { id: 'left' });
    await bear(scene, younger, { id: 'other' });
    for (const [run, child] of [
      [younger, 'other'],
      [older, left],
    ] as const) {
      await scene.succeed(run);
      await sweepAll(scene);
      assert.equal(await scene.stands(child), 'cancelled');
    }
    await scene.nothingIsWrong();
  });

  it('costs runs of none nothing but a look at a column', async () => {
    await using at = await storeScene();
    await at.scene.startMany(3, {});
    const node = await at.scene.join();
    await at.scene.succeed(...(await at.scene.claim(node)));
    assert.deepEqual(await at.sql('select * from $s.kin'), []);
    const found = await at.sql(
      `select pg_get_triggerdef(oid) as text from pg_trigger
       where tgrelid = '$s.live'::regclass and tgname like 'kin%' order by tgname`,
    );
    const texts = found.map(({ text }) => String(text));
    assert.equal(texts.length, 2);
    for (const text of texts) assert.match(text, /WHEN \(\(\((old|new)\.kin IS NOT NULL\)/);
  });

  it('wakes a parent once for a thousand children that end at once', async () => {
    await using at = await storeScene();
    const { scene, store } = at;
    const run = await running(scene);
    const { seq, fence } = run;
    const items = Array.from({ length: 1_000 }, (_, index) =>
      scene.item({ parent: { seq, fence, group: 'g', index, close: 'cancel' } }),
    );
    await store.start(items);
    await park(scene, run, 0, waitForAll());
    const node = await scene.join();
    const children = await scene.claim(node, 1_000);
    const parts = [children.slice(0, 300), children.slice(300, 600), children.slice(600)];
    const told = await Promise.all(
      parts.map(async (part) => {
        const end = { how: 'succeeded', result: '1' } as const;
        const { woken } = await store.end(
          part.map((child) => ({ seq: child.seq, fence: child.fence, end })),
        );
        return woken.family ?? false;
      }),
    );
    assert.deepEqual(told.sort(), [false, false, true]);
    assert.equal((await at.sql('select * from $s.closings')).length, 1);
    await sweepAll(scene);
    assert.equal(await scene.stands(run.id), 'slot');
    await scene.nothingIsWrong();
  });

  it('moves with its store, with what is left to be done', async () => {
    await using at = await storeScene();
    const clock = systemClock();
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-families-'));
    try {
      const path = join(folder, 'runs.db');
      const old = await openSqliteStore({ path });
      const pass = () => turn();
      const world = { store: old, connect: async () => old, now: () => clock.wall(), pass };
      const before = new Scene({ ...world, close: async () => {} });
      const run = await running(before);
      const [first = '', second = ''] = await bearMany(before, run, 2);
      await bear(before, run, { group: 'h', id: 'left' });
      await park(before, run, 0, waitForAll());
      await before.succeed(...(await before.claim(await before.join(), 2)));
      for (const { node } of await old.nodes()) await old.leave(node);
      await old.close();
      await at.store.close();
      const how = { clock, random: systemRandom(), processes: processTable(), progress: () => {} };
      const rest = { connectionsMax: 4, transactionsMax: 4, migrate: true };
      const address = parsePostgresAddress(at.url);
      await moveStore(path, { kind: 'postgres', address, schema: at.schema, ...rest }, how);
      const store = await at.connect();
      const scene = new Scene({ ...at.scene.world, store });
      const children = await childrenOf(scene, run.id);
      assert.deepEqual(
        children.map(({ id, status }) => [id, status]),
        [
          [first, 'done'],
          [second, 'done'],
          ['left', 'queued'],
        ],
      );
      assert.equal(await scene.stands(run.id), 'parked', 'nobody has told it yet');
      await sweepAll(scene);
      assert.equal(await scene.stands(run.id), 'slot');
      await scene.store.cancel([{ id: run.id, reason: 'enough' }]);
      await sweepAll(scene);
      assert.equal(await scene.stands('left'), 'cancelled');
      await scene.nothingIsWrong();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** Steps and events move with their store, and are compared one by one. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { moveStore } from '../../src/runtime/move.ts';
import { compare } from '../../src/runtime/move-compare.ts';
import { openArrival } from '../../src/store/postgres/arriving.ts';
import { closeForMove, openLeaving } from '../../src/store/sqlite/leaving.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { systemClock } from '../../src/system/clock.ts';
import { parsePostgresAddress } from '../../src/system/postgres/address.ts';
import { processTable } from '../../src/system/process-table.ts';
import { systemRandom } from '../../src/system/random.ts';
import { Scene } from '../contract/store/scene.ts';
import {
  answer,
  approval,
  begin,
  emit,
  emitAs,
  end,
  given,
  over,
  record,
  running,
  signalAs,
  sleep,
  stepOf,
  stepsOf,
  threw,
  waitFor,
} from '../contract/store/step-words.ts';
import { storeScene } from './store-scene.ts';

const clock = systemClock();
const text = 'ä\u{1F600} nul \u0000 half \ud800 "quoted" \\u0000';

/** A file with steps of every kind; nobody works on it any more. */
async function filled(path: string): Promise<void> {
  const store = await openSqliteStore({ path });
  const world = { store, connect: async () => store, now: () => clock.wall(), pass: () => turn() };
  const scene = new Scene({ ...world, close: async () => {} });
  const run = await running(scene, { tenant: 'a' });
  const failed = { ...end('b'), end: threw } as never;
  const state = [{ name: 'stage', value: JSON.stringify(text) }];
  assert.ok((await store.note([{ ...run, state }]))[0]?.ok);
  await record(scene, run, end('a', text), failed, begin('c', 2), approval('done'));
  assert.ok((await answer(scene, 'done', text)).ok);
  await record(scene, run, over('approval/done'));
  const waits = [waitFor('paid', { 'order.id': 7 }), sleep('s', 3.6e6), approval('t')];
  assert.ok((await scene.end(run, { how: 'parked', waits, seen: 3, pin: '1' })).ok);
  await emit(scene, 'paid', { order: { id: 8 }, text }, { id: 'e-8', tenant: 'a' });
  await emit(scene, 'sent', text, { id: 'sent' });
  assert.ok((await signalAs(scene, run.id, 'go', text, 's-1')).ok);
  for (const node of await store.nodes()) await store.leave(node.node);
  await store.close();
}

async function withFile(work: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-moving-'));
  try {
    const path = join(folder, 'runs.db');
    await filled(path);
    await work(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('a store with steps that is moved', () => {
  it('has them at its new place, and goes on with them', async () => {
    await using at = await storeScene();
    await withFile(async (path) => {
      const old = await openSqliteStore({ path });
      const before = await old.steps('run-1', 0, 100);
      const state = await old.state('run-1');
      await old.close();
      await at.store.close();
      const processes = processTable();
      const world = { clock, random: systemRandom(), processes, progress: () => {} };
      const address = parsePostgresAddress(at.url);
      const rest = { connectionsMax: 4, transactionsMax: 1, migrate: true };
      const place = { kind: 'postgres', address, schema: at.schema, ...rest } as const;
      const moved = await moveStore(path, place, world);
      assert.deepEqual([moved.counts.steps, moved.counts.events, moved.runs], [7, 2, 1]);
      const store = await at.connect();
      const scene = new Scene({ ...at.scene.world, store });
      assert.deepEqual(await stepsOf(scene, 'run-1'), before?.steps);
      assert.equal(state?.length, 1);
      assert.deepEqual(await store.state('run-1'), state);
      const told = await signalAs(scene, 'run-1', 'go', text, 's-1');
      assert.deepEqual(told, { ok: true, id: 's-1', created: false });
      const same = { id: 'e-8', tenant: 'a' };
      const again = await emitAs(scene, 'paid', { order: { id: 8 }, text }, same);
      assert.ok(again.ok && !again.created, 'the event is known');
      assert.equal(await emit(scene, 'paid', { order: { id: 7 } }, { tenant: 'a' }), 1);
      assert.ok(given(await stepOf(scene, 'run-1', 'event/paid')).n > 2, 'numbers go on');
      assert.ok((await answer(scene, 't')).ok);
      assert.equal(await scene.stands('run-1'), 'slot');
      const node = await scene.join();
      assert.deepEqual(await scene.claim(node), [], 'it is pinned there, too');
      const functions = [{ fn: 'work', runsMax: 1, versions: ['1'] }];
      const reply = await store.claim({ node, functions, runsMax: 1 });
      assert.ok(reply.ok && reply.runs[0]?.pin === '1');
      await scene.nothingIsWrong();
    });
  });

  it('is not opened when one of them is not the same at both places', async () => {
    await using at = await storeScene();
    await withFile(async (path) => {
      await at.store.close();
      closeForMove(path, { id: 'm', to: 'there', key: 'k' });
      const leaving = openLeaving(path);
      const address = parsePostgresAddress(at.url);
      const arrival = await openArrival({ address, schema: at.schema, id: 'm', from: path });
      await arrival.settle(leaving.settings());
      await arrival.keep(leaving.page(0, 100, 1e6));
      assert.equal(leaving.steps([0, 0], 3, 1e6).length, 3);
      await arrival.keepSteps(leaving.steps(arrival.stepCursor, 3, 1e6));
      await arrival.keepSteps(leaving.steps(arrival.stepCursor, 100, 1e6));
      await arrival.keepEvents(leaving.events(arrival.eventCursor, 1, 1e6));
      const said = compare(leaving, arrival, () => {});
      await assert.rejects(said, /event 2 default is only at the old place/);
      await arrival.keepEvents(leaving.events(arrival.eventCursor, 100, 1e6));
      const { digest } = await compare(leaving, arrival, () => {});
      assert.equal((await compare(leaving, null, () => {})).digest, digest);
      const changes = [
        ...['value = null where ord = 1', `token = 'x' where ord = 7`, 'nth = 9 where ord = 2'],
        ...[`paths = '[]' where ord = 5`, 'wake_at = 1 where ord = 6', 'attempt = 2 where ord = 3'],
      ];
      for (const change of changes) {
        const [, column = ''] = /^(\w+) = /.exec(change) ?? [];
        const [kept] = await at.sql(
          `select ord, ${column} as kept from $s.steps ${change.slice(change.indexOf('where'))}`,
        );
        await at.sql(`update $s.steps set ${change}`);
        await assert.rejects(
          compare(leaving, arrival, () => {}),
          /not the same at both/,
          change,
        );
        await at.sql(`update $s.steps set ${column} = $1 where ord = $2`, [kept?.kept, kept?.ord]);
      }
      await at.sql(`update $s.events set data = '1' where n = 2`);
      await assert.rejects(
        compare(leaving, arrival, () => {}),
        /event 2/,
      );
      await arrival.close();
      leaving.close();
    });
  });
});

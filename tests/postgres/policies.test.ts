/** As many policies as there may be, on a real server. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { limits } from '../../src/core/limits.ts';
import { storeScene } from './store-scene.ts';

test('every run has its own policy, however many there are, known ones and new ones', async () => {
  await using at = await storeScene();
  const { scene, store } = at;
  const size = limits.batchItemsMax;
  const start = async (from: number): Promise<void> => {
    const graces = Array.from({ length: size }, (_, index) => from + index);
    await scene.start(...graces.map((graceMs) => ({ policy: { graceMs } })));
  };
  await start(0);
  await start(size / 2);
  const node = await scene.join();
  const claimed = async (by: typeof store): Promise<readonly number[]> => {
    const functions = [{ fn: 'work', runsMax: 1_000 }];
    const reply = await by.claim({ node, functions, runsMax: 1_000 });
    assert.ok(reply.ok);
    return reply.runs.map(({ policy }) => policy.graceMs);
  };
  const first = Array.from({ length: 1_000 }, (_, index) => index);
  assert.deepEqual(await claimed(store), first);
  const next = first.map((graceMs) => graceMs + 1_000);
  assert.deepEqual(await claimed(await at.connect()), next, 'by a process that knows none');
  const { runs } = await store.list({ filter: {}, before: null, rowsMax: 1 });
  const [last] = runs;
  assert.ok(last !== undefined);
  await store.cancel([{ id: last.id, reason: 'no more' }]);
  await scene.nothingIsWrong();
});

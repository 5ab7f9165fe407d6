import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { retryDefault } from '../../src/core/retry.ts';
import { SimulatedClock } from '../../src/testing/index.ts';
import { Database } from './database.ts';

const policy = {
  retry: retryDefault,
  onCrash: 'retry',
  crashesMax: 3,
  attemptTimeoutMs: null,
  graceMs: 1_000,
} as const;

/** A database with a node, on a clock that the test moves. */
async function scene(epochs: boolean) {
  const clock = new SimulatedClock();
  const onCommit = (): void => {};
  const database = new Database({ clock, judge: 'own-time', lossy: true, epochs, onCommit });
  const store = database.store();
  const joined = async () => {
    const process = { hostId: 'h', hostName: 'h', pid: 1, startedAt: '1' };
    const card = { name: 'n', process, ttlMs: 15_000, slots: 1, functions: [] };
    const verdict = await store.join(card);
    assert.ok(verdict.ok);
    return verdict.node;
  };
  const start = (id: string) =>
    store.start([
      {
        ...{ id, idempotent: true, fn: 'work', input: '1', lane: null, laneWidth: 1, tenant: '' },
        ...{ prioritySeconds: 0, dueAt: null, deadlineAt: null, tags: [], policy },
      },
    ]);
  const claim = async (node: Awaited<ReturnType<typeof joined>>) => {
    const functions = [{ fn: 'work', runsMax: 1 }];
    const reply = await store.claim({ node, functions, runsMax: 1 });
    assert.ok(reply.ok);
    return reply.runs[0];
  };
  return { clock, database, store, joined, start, claim };
}

describe('a simulated database', () => {
  it('loses nothing in a failover that loses nothing', async () => {
    const { database, start, store } = await scene(true);
    await start('a');
    assert.equal(database.failOver(0), false);
    assert.equal((await store.get('a'))?.id, 'a');
  });

  it('loses the last transactions, and no others', async () => {
    const { clock, database, start, store } = await scene(true);
    await start('a');
    await clock.advance(1_000);
    await start('b');
    assert.equal(database.failOver(500), true);
    assert.equal((await store.get('a'))?.id, 'a');
    assert.equal(await store.get('b'), null);
  });

  it('gives no number out again that may be lost (N1), unless it is told to', async () => {
    for (const epochs of [true, false]) {
      const { clock, database, joined, start, claim } = await scene(epochs);
      const node = await joined();
      await start('a');
      await clock.advance(1_000);
      const lostNode = await joined();
      await start('b');
      const before = [await claim(node), await claim(node)];
      database.failOver(500);
      await start('c');
      const newNode = await joined();
      const after = [await claim(newNode), await claim(newNode)];
      const number = (runs: typeof before) => runs.map((run) => `${run?.seq}/${run?.fence}`);
      const again = number(after).filter((one) => number(before).includes(one));
      assert.equal(again.length, epochs ? 0 : 2);
      assert.equal(newNode === lostNode, !epochs);
    }
  });

  it('honours owners from before a failover that lost nothing (N2)', async () => {
    const { database, store, joined, start, claim } = await scene(true);
    const node = await joined();
    await start('a');
    const run = await claim(node);
    assert.ok(run !== undefined);
    database.failOver(0);
    const end = { how: 'succeeded', result: '1' } as const;
    const { reply } = await store.end([{ seq: run.seq, fence: run.fence, end }]);
    assert.equal(reply[0]?.ok, true);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { PostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { parsePostgresAddress } from '../../src/system/postgres/address.ts';
import { boom } from '../contract/store/scene.ts';
import { type NetProxy, startProxy } from './proxy.ts';
import { type StoreScene, storeScene } from './store-scene.ts';

/** Long enough to cut a connection between the commit and the coming of its answer. */
const wayMs = 400;

/** A second store, whose connections can be cut. */
async function farStore(at: StoreScene): Promise<{ far: PostgresStore; proxy: NetProxy }> {
  const url = new URL(at.url);
  const proxy = await startProxy({ host: url.hostname, port: Number(url.port) });
  const far = await at.connect({
    address: parsePostgresAddress(proxy.url(at.url)),
    busyPatienceMs: 20_000,
  });
  await far.counts();
  return { far, proxy };
}

/** Calls, and cuts every connection once the call is committed and before its answer arrives. */
async function cutAfterCommit<T>(
  proxy: NetProxy,
  call: () => Promise<T>,
  committed: () => Promise<boolean>,
): Promise<T> {
  proxy.delay(wayMs);
  const answer = call();
  let settled = false;
  const noted = (): void => {
    settled = true;
  };
  answer.then(noted, noted);
  while (!(await committed())) await turn();
  assert.ok(!settled, 'the answer came too early for the test to mean anything');
  proxy.cut();
  proxy.delay(0);
  return await answer;
}

describe('a call whose connection breaks after its commit', () => {
  it('(G3) starts a run once, and says that it did', async () => {
    await using at = await storeScene();
    const { far, proxy } = await farStore(at);
    const item = { ...at.scene.item(), idempotent: false };
    const started = await cutAfterCommit(
      proxy,
      () => far.start([item]),
      async () => (await at.store.get(item.id)) !== null,
    );
    assert.deepEqual(started.reply, [{ ok: true, id: item.id, created: true }]);
    assert.equal((await at.store.counts()).queued, 1);
    await proxy.close();
  });

  it('(G2) ends a run once, by the answer to its fence', async () => {
    await using at = await storeScene();
    const { far, proxy } = await farStore(at);
    const node = await at.scene.join();
    const [id] = await at.scene.start({});
    const { seq, fence } = await at.scene.claimOne(node);
    const ended = await cutAfterCommit(
      proxy,
      () => far.end([{ seq, fence, end: { how: 'succeeded', result: '"once"' } }]),
      async () => (await at.scene.stands(id)) === 'succeeded',
    );
    const outcome = { kind: 'succeeded', error: null };
    assert.deepEqual(ended.reply, [{ ok: true, outcome, repeated: true }]);
    assert.equal((await at.scene.get(id)).result, '"once"');
    await proxy.close();
  });

  it('(G2) spends one failure, not two', async () => {
    await using at = await storeScene();
    const { far, proxy } = await farStore(at);
    const node = await at.scene.join();
    const [id] = await at.scene.start({});
    const { seq, fence } = await at.scene.claimOne(node);
    const end = { how: 'failed', error: boom, chance: 0 } as const;
    const ended = await cutAfterCommit(
      proxy,
      () => far.end([{ seq, fence, end }]),
      async () => (await at.scene.get(id)).failures === 1,
    );
    assert.deepEqual(ended.reply, [{ ok: true, outcome: null, repeated: true }]);
    assert.equal((await at.scene.get(id)).failures, 1);
    await proxy.close();
  });

  it('(G5) says of a cancelled run that it is cancelled', async () => {
    await using at = await storeScene();
    const { far, proxy } = await farStore(at);
    const [id = ''] = await at.scene.start({});
    const cancelled = await cutAfterCommit(
      proxy,
      () => far.cancel([{ id, reason: 'no more' }]),
      async () => (await at.scene.stands(id)) === 'cancelled',
    );
    assert.deepEqual(cancelled.reply, [{ ok: true, state: 'cancelled' }]);
    await proxy.close();
  });

  it('(G1) finds what a lost answer has handed out among what the node owns', async () => {
    await using at = await storeScene();
    const { far, proxy } = await farStore(at);
    const node = await at.scene.join();
    await at.scene.start({});
    const ask = { node, functions: [{ fn: 'work', runsMax: 5 }], runsMax: 5 };
    const claimed = cutAfterCommit(
      proxy,
      () => far.claim(ask),
      async () => (await at.store.owned(node, 10)).length === 1,
    );
    await assert.rejects(claimed, { code: 'store.unavailable' });
    const owned = await far.owned(node, 10);
    assert.deepEqual(
      owned.map(({ fence, lingers }) => [fence, lingers]),
      [[1, false]],
    );
    await proxy.close();
  });
});

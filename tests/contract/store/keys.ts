/** The contract of access keys. */
import assert from 'node:assert/strict';
import { limits } from '../../../src/core/limits.ts';
import type { NewKey } from '../../../src/ports/store-keys.ts';
import type { Contract } from './suite.ts';

const key = (id: string, over: Partial<NewKey> = {}): NewKey => ({
  ...{ id, name: `the key ${id}`, hash: `hash of ${id}`, scope: 'start', tenant: null },
  ...over,
});

export function keys(contract: Contract): void {
  contract('keeps keys as they are, and gives them in order', async ({ store, world }) => {
    const before = world.now();
    const kept = [key('a'), key('b', { scope: 'admin', tenant: 'acme' })];
    for (const one of kept.toReversed()) assert.deepEqual(await store.putKey(one), { ok: true });
    const rows = await store.keys();
    assert.deepEqual(
      rows.map(({ createdAt, ...row }) => row),
      kept.map((one) => ({ ...one, usedAt: null })),
    );
    for (const { createdAt } of rows) {
      // A clock that reads whole milliseconds may round down.
      assert.ok(createdAt >= before - 1 && createdAt <= world.now() + 1, String(createdAt));
    }
  });

  contract('shows a key to every user of the store', async ({ store, world }) => {
    await store.putKey(key('a'));
    const other = await world.connect();
    assert.deepEqual(await other.keys(), await store.keys());
    await other.revokeKey('a');
    assert.deepEqual(await store.keys(), []);
  });

  contract('takes the same key again, and no other under its id', async ({ store }) => {
    await store.putKey(key('a'));
    assert.deepEqual(await store.putKey(key('a')), { ok: true });
    await assert.rejects(store.putKey(key('a', { hash: 'another' })), { code: 'internal.defect' });
    assert.equal((await store.keys()).length, 1);
  });

  contract('forgets a key once, and says whether there was one', async ({ store }) => {
    await store.putKey(key('a'));
    await store.putKey(key('b'));
    assert.equal(await store.revokeKey('a'), true);
    assert.equal(await store.revokeKey('a'), false);
    assert.deepEqual(
      (await store.keys()).map(({ id }) => id),
      ['b'],
    );
  });

  contract('writes down the first use, and not every use', async ({ store }) => {
    await store.putKey(key('a'));
    await store.touchKey('a');
    const [first] = await store.keys();
    assert.ok(first !== undefined && first.usedAt !== null && first.usedAt >= first.createdAt);
    await store.touchKey('a');
    assert.deepEqual(await store.keys(), [first]);
    await store.touchKey('of nobody');
    assert.deepEqual(await store.keys(), [first]);
  });

  contract('gives all who propose a secret the one that came first', async (scene) => {
    const { store, world } = scene;
    const other = await world.connect();
    const proposed = Array.from({ length: 8 }, (_, at) => `secret ${at}`);
    const given = await Promise.all(
      proposed.map((one, at) => (at % 2 === 0 ? store : other).secret('cursors', one)),
    );
    const [kept = ''] = given;
    assert.ok(proposed.includes(kept), kept);
    assert.deepEqual(new Set(given), new Set([kept]));
    assert.equal(await store.secret('cursors', 'too late'), kept);
    const late = await world.connect();
    assert.equal(await late.secret('cursors', 'too late'), kept);
    const told = JSON.stringify([await store.examine(), await store.keys()]);
    assert.doesNotMatch(told, /secret \d/);
  });

  contract('refuses one key more than its limit', async ({ store }) => {
    const ids = Array.from({ length: limits.keysMax }, (_, at) => `key ${at}`);
    await Promise.all(ids.map((id) => store.putKey(key(id))));
    const verdict = await store.putKey(key('one more'));
    assert.ok(!verdict.ok);
    assert.equal(verdict.code, 'auth.full');
    assert.deepEqual(await store.putKey(key('key 7')), { ok: true }, 'it is there already');
    assert.equal(await store.revokeKey('key 7'), true);
    assert.deepEqual(await store.putKey(key('one more')), { ok: true });
  });
}

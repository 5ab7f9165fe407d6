/** Asking again, and items that must not spoil their neighbours. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openHandWorld } from '../../../tests/verbs/hand-world.ts';

describe('starting again under the same id', () => {
  const nested = (depth: number, core: string): string =>
    `${'['.repeat(depth)}${core}${']'.repeat(depth)}`;

  it('meets inputs nested deeper than the stack, and spoils no other item', async () => {
    const { scene, store } = openHandWorld();
    const depth = 200_000;
    const first = scene.item({ id: 'deep', input: nested(depth, '1') });
    await store.start([first]);
    const { reply } = await store.start([
      { ...first, input: nested(depth, '2') },
      scene.item({ id: 'plain' }),
      first,
    ]);
    assert.deepEqual(
      reply.map((verdict) => (verdict.ok ? verdict.created : verdict.code)),
      ['run.conflict', true, false],
    );
  });

  it('minds the order of items, but neither that of keys nor white space', async () => {
    const { scene, store } = openHandWorld();
    const first = scene.item({ id: 'one', input: '{"a":[1,2],"b":{"__proto__":1}}' });
    await store.start([first]);
    const { reply } = await store.start([
      { ...first, input: ' {"b":{"__proto__":1}, "a":[1, 2]}' },
      { ...first, input: '{"a":[2,1],"b":{"__proto__":1}}' },
      { ...first, input: '{"a":[1,2],"b":{}}' },
    ]);
    assert.deepEqual(
      reply.map((verdict) => verdict.ok),
      [true, false, false],
    );
  });
});

describe('retrying again after a lost answer', () => {
  it('gives the run that was made the first time, and makes no second one', async () => {
    const { scene, store } = openHandWorld();
    const [id = ''] = await scene.start({});
    await store.cancel([{ id, reason: 'no' }]);
    const item = { id, newId: 'again' };
    const first = await store.retry([item]);
    const second = await store.retry([item]);
    assert.deepEqual(second.reply, first.reply);
    assert.equal((await store.counts()).queued, 1);
  });

  it('refuses an id that another run has, and spoils no other item', async () => {
    const { scene, store } = openHandWorld();
    const [ended = '', taken = '', other = ''] = await scene.startMany(3, {});
    await store.cancel([ended, other].map((id) => ({ id, reason: 'no' })));
    const { reply } = await store.retry([
      { id: ended, newId: taken },
      { id: other, newId: 'fresh' },
    ]);
    assert.deepEqual(
      reply.map((verdict) => (verdict.ok ? verdict.id : verdict.code)),
      ['run.illegal_transition', 'fresh'],
    );
  });
});

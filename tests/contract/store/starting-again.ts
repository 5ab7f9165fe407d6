/** The contract of idempotent starts: an id means one run. */
import assert from 'node:assert/strict';
import { codeOf } from './starting.ts';
import type { Contract } from './suite.ts';

export function startingAgain(contract: Contract): void {
  contract(
    'gives the original back for an id that it knows, whatever became of it',
    async (scene) => {
      const node = await scene.join();
      const item = scene.item({ id: 'order-1', input: '{"n":1}' });
      const again = async () => {
        const { reply, woken } = await scene.store.start([item]);
        assert.deepEqual(reply, [{ ok: true, id: 'order-1', created: false }]);
        assert.deepEqual(woken, { ready: false, stop: false, done: false });
      };
      await scene.store.start([item]);
      await again();
      const run = await scene.claimOne(node);
      await again();
      await scene.succeed(run);
      await again();
      assert.equal((await scene.get('order-1')).result, '"done"');
      assert.equal((await scene.store.counts()).done, 1);
      assert.equal((await scene.store.counts()).queued, 0);
    },
  );

  contract('takes an input for the same whatever the order of its keys', async (scene) => {
    const input = '{"a":1,"b":{"c":[1,2,{"d":null,"e":"x"}],"f":true}}';
    await scene.start({ id: 'same', input });
    const shuffled = ' {"b":{"f":true, "c":[1,2,{"e":"x","d":null}]},\n"a":1}';
    const { reply } = await scene.store.start([scene.item({ id: 'same', input: shuffled })]);
    assert.deepEqual(reply, [{ ok: true, id: 'same', created: false }]);
    assert.equal((await scene.get('same')).input, input);
  });

  contract(
    'refuses an id with another input or function, and keeps the original',
    async (scene) => {
      await scene.start({ id: 'taken', input: '{"list":[1,2],"on":true}' });
      const before = await scene.get('taken');
      const others = [
        '{"list":[2,1],"on":true}',
        '{"list":[1,2]}',
        '{"list":[1,2],"on":1}',
        'null',
      ];
      for (const input of others) {
        const { reply } = await scene.store.start([scene.item({ id: 'taken', input })]);
        assert.equal(codeOf(reply[0]), 'run.conflict', input);
      }
      const otherFn = scene.item({ id: 'taken', input: before.input, fn: 'other' });
      const { reply } = await scene.store.start([otherFn]);
      assert.equal(codeOf(reply[0]), 'run.conflict');
      assert.match(JSON.stringify(reply), /'taken'.*'work'/, 'it names the id and who has it');
      assert.deepEqual(await scene.get('taken'), before);
      assert.equal((await scene.store.counts()).queued, 1);
    },
  );

  contract('creates one run when two connections start the same id at once', async (scene) => {
    const other = await scene.world.connect();
    const twice = Array.from({ length: 20 }, (_, n) => scene.item({ id: `twin-${n}` }));
    const calls = twice.flatMap((item) => [scene.store.start([item]), other.start([item])]);
    const replies = (await Promise.all(calls)).map(({ reply }) => codeOf(reply[0]));
    assert.equal(replies.filter((code) => code === 'created true').length, 20);
    assert.equal(replies.filter((code) => code === 'created false').length, 20);
    assert.equal((await scene.store.counts()).queued, 20);
  });

  contract('never makes a second run under an id that was made up', async (scene) => {
    const item = scene.item({ id: '0190-made-up', idempotent: false });
    await scene.store.start([item]);
    await assert.rejects(scene.store.start([scene.item({ id: 'beside' }), item]));
    assert.equal(await scene.store.get('beside'), null);
    assert.equal((await scene.store.counts()).queued, 1);
  });
}

/** The contract of keeping what users hand over, to the letter. */
import assert from 'node:assert/strict';
import { limits } from '../../../src/core/limits.ts';
import { boom } from './scene.ts';
import type { Contract } from './suite.ts';

/** Text that is easily spoiled on the way: other scripts, joined emoji, marks, controls, quotes. */
const odd = 'Zürich Ωμέγα 東京 שלום 👩‍👩‍👧‍👦 e\u0301 \u2028\u2029 \\ "\' %s $1 {} \t\n\u0001\uffff';

/** The longest text that is allowed, of characters with two, three and four bytes. */
function longest(bytesMax: number): string {
  const unit = 'aé東😀';
  const text = unit.repeat(Math.floor((bytesMax - 2) / Buffer.byteLength(unit)));
  return text + 'x'.repeat(bytesMax - 2 - Buffer.byteLength(text));
}

export function payloads(contract: Contract): void {
  contract('keeps input, result, error, progress and log lines to the letter', async (scene) => {
    const node = await scene.join();
    // Text that no JavaScript number can hold is text all the same.
    const input = `{${JSON.stringify(odd)}:[-0.0,1e-300,12345678901234567890,null,""]}`;
    const [id] = await scene.start({ input });
    const first = await scene.claimOne(node);
    assert.equal(first.input, input);
    const error = { ...boom, message: odd, stack: odd, details: { [odd]: odd, deep: [[{}]] } };
    await scene.end(first, { how: 'failed', error, chance: 0 });
    const run = await scene.claimOne(node);
    const line = { at: scene.world.now(), level: 'debug', message: odd, fields: input } as const;
    await scene.store.note([{ ...run, progress: input, lines: [line] }]);
    await scene.end(run, { how: 'succeeded', result: input });
    const shown = await scene.get(id);
    assert.deepEqual([shown.input, shown.result, shown.progress], [input, input, input]);
    assert.deepEqual(shown.attempts[0]?.error, error);
    const logs = await scene.store.logs(id ?? '', null, 10);
    assert.deepEqual(logs?.lines, [{ ...line, n: 1, attempt: 2 }]);
    assert.equal((await scene.store.ends([id ?? ''])).ended[0]?.result, input);
  });

  contract('keeps ids, lanes, tenants, tags and reasons in any script', async (scene) => {
    const node = await scene.join({ name: 'Knoten 東京' });
    const key = 'ключ 🔑 Straße';
    const wish = { id: key, fn: key, lane: key, tenant: key, tags: [key, 'b'] };
    await scene.start(wish);
    for (const filter of [{ fn: key }, { lane: key }, { tenant: key }, { tag: key }]) {
      const { runs } = await scene.store.list({ filter, before: null, rowsMax: 10 });
      assert.deepEqual(
        runs.map((run) => [run.id, run.fn, run.lane, run.tenant, run.tags]),
        [[key, key, key, key, [key, 'b']]],
      );
    }
    await scene.claimOne(node, [key]);
    assert.equal((await scene.get(key)).owner, 'Knoten 東京');
    await scene.store.cancel([{ id: key, reason: odd }]);
    assert.equal((await scene.get(key)).stopReason, odd);
    assert.equal((await scene.store.stops(node))[0]?.reason, odd);
    await scene.store.pause('lane', key, odd);
    assert.deepEqual(
      (await scene.store.pauses()).map((pause) => [pause.key, pause.reason]),
      [[key, odd]],
    );
  });

  contract('tells keys apart that only look alike', async (scene) => {
    const node = await scene.join();
    const keys = ['a', 'A', 'a ', 'é', 'e\u0301', 'ａ'];
    const ids = await scene.start(...keys.map((key) => ({ id: key, lane: key })));
    assert.deepEqual((await scene.claimIds(node)).sort(), [...ids].sort());
    assert.equal((await scene.store.lanes(100)).length, keys.length);
  });

  contract('keeps the largest input and result that are allowed', async (scene) => {
    const node = await scene.join();
    const input = JSON.stringify(longest(limits.inputBytesMax));
    const result = JSON.stringify(longest(limits.resultBytesMax).toUpperCase());
    assert.equal(Buffer.byteLength(input), limits.inputBytesMax);
    const [id] = await scene.start({ input });
    const run = await scene.claimOne(node);
    assert.ok(run.input === input, 'the input is not what was handed over');
    await scene.end(run, { how: 'succeeded', result });
    const shown = await scene.get(id);
    assert.ok(shown.input === input && shown.result === result);
  });
}

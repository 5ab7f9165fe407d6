/** Sealed payloads and flow control: an input that moves to the run that waits opens there. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { aesGcm, defineFunction, Holdfast } from 'holdfast';

const calm = defineFunction({
  name: 'calm',
  flow: { debounce: { quietMs: 300, maxMs: 60_000 } },
  run: (text: string) => `got ${text}`,
});
const codec = { cipher: aesGcm({ keys: [{ id: 'k', key: Buffer.alloc(32, 7) }] }) };

it('opens the newest input in the run into which it was merged', async () => {
  await using hf = await Holdfast.open({ store: 'memory:', functions: [calm], codec });
  const first = await hf.start(calm, 'old', { id: 'first' });
  const second = await hf.start(calm, 'new', { id: 'second' });
  assert.deepEqual([second.id, second.how], ['first', 'debounced']);
  assert.equal((await first.get())?.input, 'new');
  assert.equal(await first.result(), 'got new');
});

/** Three seconds of random load. More by command: npm run soak:calls. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { soak } from './soak.ts';

it('random load leaves nothing behind, and every call has one answer', {
  timeout: 120_000,
}, async () => {
  const { faults, calls, outcomes } = await soak({ seed: 20_263, seconds: 3 });
  assert.deepEqual(faults, []);
  assert.ok(calls > 500, `${calls} calls`);
  const codes = ['call.cancelled', 'call.timed_out', 'call.duplicate'];
  for (const seen of ['succeeded', ...codes, 'rate.limited', 'batch.no_verdict', 'input.invalid']) {
    assert.ok((outcomes[seen] ?? 0) > 0, `${seen} was seen`);
  }
});

/** Two seconds of inputs that nobody should send. More by command: npm run fuzz:stdio. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fuzz } from './fuzz.ts';

it('whatever is sent means the same in pieces, and nothing that is unsafe', () => {
  const { inputs, faults } = fuzz({ seed: 20_262, seconds: 2 });
  assert.deepEqual(faults, []);
  assert.ok(inputs > 100, `${inputs} inputs`);
});

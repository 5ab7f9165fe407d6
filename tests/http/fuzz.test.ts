/** Five seconds of requests that nobody should send. More by command: npm run fuzz:http. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fuzz } from './fuzz.ts';

describe('the HTTP API', { timeout: 120_000 }, () => {
  it('answers whatever is sent with a refusal at the most, and leaves nothing open', async () => {
    const { failures, requests, statuses } = await fuzz({ seed: 20_261, seconds: 5 });
    assert.deepEqual(failures, []);
    assert.ok(requests > 100, `${requests} requests`);
    for (const status of ['200', '400', '404']) assert.ok(statuses[status], `${status} was seen`);
  });
});

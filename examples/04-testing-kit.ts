/**
 * A day of retries in no time: the whole runtime in memory, on a clock that skips what nobody needs
 * to wait for.
 *
 *   npm exec -- node --conditions=holdfast-source examples/04-testing-kit.ts
 */
import assert from 'node:assert/strict';
import { defineFunction } from 'holdfast';
import { testRuntime } from 'holdfast/testing';

const hour = 3_600_000;
let calls = 0;
const sendInvoice = defineFunction({
  name: 'invoice.send',
  retry: { attemptsMax: 5, backoff: 'fixed', delayMs: 6 * hour, delayMsMax: 6 * hour, jitter: 0 },
  run: (invoice: number, { attempt }) => {
    calls += 1;
    if (attempt < 4) throw new Error('the mail server is down');
    return `invoice ${invoice} went out`;
  },
});

await using runtime = await testRuntime({ functions: [sendInvoice] });
const before = runtime.clock.mono();
const run = await runtime.start(sendInvoice, 7, { delayMs: hour });

await runtime.advance(hour / 2);
assert.equal(calls, 0, 'it is not due yet');

await runtime.runToIdle();
console.log(await runtime.assertSucceeded(run));
console.log(
  `${calls} attempts in ${(runtime.clock.mono() - before) / hour} hours of simulated time`,
);

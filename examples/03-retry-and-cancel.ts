/**
 * What can go wrong with a run, and who decides what happens then.
 *
 *   npm exec -- node --conditions=holdfast-source examples/03-retry-and-cancel.ts
 */
import { once } from 'node:events';
import { defineFunction, Holdfast, NonRetryableError, RetryAtError } from 'holdfast';

const fetchQuote = defineFunction({
  name: 'quote.fetch',
  retry: { attemptsMax: 4, backoff: 'exponential', delayMs: 10, jitter: 0 },
  run: async (symbol: string, { attempt }) => {
    if (symbol === '???') throw new NonRetryableError('no such symbol', { code: 'quote.unknown' });
    if (attempt === 1) throw new Error('the line is dead');
    if (attempt === 2) throw new RetryAtError('too many requests', { afterMs: 20 });
    return { symbol, price: 42, attempt };
  },
});

const watch = defineFunction({
  name: 'quote.watch',
  timeouts: { graceMs: 1_000 },
  run: async (symbol: string, { signal, progress }) => {
    progress({ watching: symbol });
    // The signal says stop; the grace is the time to leave in good order.
    await once(signal, 'abort');
    signal.throwIfAborted();
  },
});

await using hf = await Holdfast.open({ store: 'memory:', functions: [fetchQuote, watch] });

// 1. Failures are retried by the policy, and an error may name its own delay.
const quote = await hf.start(fetchQuote, 'ACME');
console.log('retried:', await quote.result());

// 2. An error can say that trying again is no use.
const unknown = await hf.start(fetchQuote, '???');
const { kind, error } = await unknown.outcome();
console.log(`not retried: ${kind}, ${error?.code}: ${error?.message}`);

// 3. A running run is asked to stop. Its outcome follows within its grace.
const watching = await hf.start(watch, 'ACME');
console.log('cancel:', (await watching.cancel('the market has closed')).state);
console.log('outcome:', (await watching.outcome()).kind);

// 4. An outcome never changes; trying again is a new run that names the old one.
const retried = await hf.runs.retry(unknown.id);
const second = await retried.outcome();
console.log(
  `again: ${second.kind}, in place of the first:`,
  (await retried.get())?.retryOf === unknown.id,
);

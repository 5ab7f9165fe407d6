/**
 * Calls: functions without a store. Microseconds each, one at a time in a lane, cancelled by a
 * signal, ended by a deadline, and answered exactly once.
 *
 *   npm exec -- node --conditions=holdfast-source examples/18-calls.ts
 */
import { defineFunction, Holdfast, HoldfastError } from 'holdfast';

const quote = defineFunction({
  name: 'quote',
  lane: (symbol: string) => symbol, // one at a time for each symbol, side by side for others
  call: { timeoutMs: 200 },
  run: async (symbol, ctx) => {
    if (symbol === 'SLOW') {
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
      ctx.signal.throwIfAborted();
    }
    return { symbol, price: symbol.length * 100 };
  },
});

// The answer comes later, from somebody else: here from a queue that is worked off in batches.
const batch: { done: (result: string) => void; text: string }[] = [];
const translate = defineFunction({
  name: 'translate',
  run: (text: string, ctx) => {
    const later = ctx.later<string>();
    batch.push({ text, done: (result) => void later.succeed(result) });
  },
});

await using hf = await Holdfast.open({ store: 'memory:', functions: [quote, translate] });

// 1. A call is a call: typed, and nothing is stored.
const { price } = await hf.call(quote, 'ACME');
console.log('price:', price);
console.log('runs in the store:', (await hf.runs.list()).runs.length);

// 2. It ends at its deadline, or when its caller gives up.
const code = (error: unknown): string => (error instanceof HoldfastError ? error.code : 'other');
console.log('too slow:', await hf.call(quote, 'SLOW').catch(code));
const controller = new AbortController();
const given = hf.call(quote, 'SLOW', { signal: controller.signal }).catch(code);
controller.abort();
console.log('given up:', await given);

// 3. Many wait for their answers while nobody holds a slot.
const texts = ['eins', 'zwei', 'drei'].map((text) => hf.call(translate, text));
for (const { text, done } of batch.splice(0)) done(text.toUpperCase());
console.log('later:', (await Promise.all(texts)).join(' '));

// 4. What it costs: a hundred thousand calls through ten thousand lanes.
const count = 100_000;
const from = performance.now();
for (let n = 0; n < count; n += 1) await hf.call(quote, `S${n % 10_000}`);
const { succeeded, lanes, queued } = hf.calls.stats();
console.log(`calls that succeeded: ${succeeded}; lanes and calls left: ${lanes + queued}`);
const each = ((performance.now() - from) * 1_000) / count;
console.log('microseconds for each:', each < 100 ? 'few' : each);

/**
 * Scripts of users: Lua and JavaScript without access to anything but what they are granted, and
 * stopped when they use too much.
 *
 *   npm exec -- node --conditions=holdfast-source examples/19-scripts.ts
 */
import { defineScript, Holdfast, type HoldfastError, runScript } from 'holdfast';

const prices: Readonly<Record<string, number>> = { tea: 3, cake: 5 };

const bill = defineScript({
  name: 'bill',
  language: 'lua',
  source: `
    local total = 0
    for _, item in ipairs(input.items) do
      local price = grants.price(item)
      emit(item .. ': ' .. price)
      total = total + price
    end
    return { total = total }
  `,
  grants: { price: ([item]) => prices[String(item)] ?? 0 },
});

const loop = defineScript({
  name: 'loop',
  language: 'js',
  source: 'const started = 1;\nwhile (true) {}',
  limits: { timeMs: 200 },
  retry: false,
});

await using hf = await Holdfast.open({ store: 'memory:', functions: [bill, loop] });

// As a run: durable, with what it emitted as the stream of the run.
const run = await hf.start(bill, { items: ['tea', 'cake'] });
console.log(JSON.stringify(await run.result()));
for await (const { data } of hf.runs.parts(run.id)) console.log(data);

// Without a store, here and now.
const { result } = runScript(loop, null);
console.log(await result.catch((error: unknown) => (error as HoldfastError).message));

// Another source from now on; what is under way ends on the old one.
await loop.replace('return typeof process + typeof require + typeof fetch');
console.log(await runScript(loop, null).result);

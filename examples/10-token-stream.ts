/**
 * A stream of tokens, as a language model gives them: the run emits, readers see each token at
 * once, over HTTP and in the process, and whoever is cut off goes on where it was.
 *
 *   npm exec -- node --conditions=holdfast-source examples/10-token-stream.ts
 */
import { setTimeout as pause } from 'node:timers/promises';
import { defineFunction, Holdfast } from 'holdfast';
import { serveHttp } from 'holdfast/http';

const words = 'Every part is written once, in order, and read by as many as like to.'.split(' ');

/** Stands for a model: it takes its time for each token. */
async function* model(prompt: string): AsyncGenerator<string> {
  for (const word of [`[${prompt}]`, ...words]) {
    await pause(5);
    yield `${word} `;
  }
}

const answer = defineFunction({
  name: 'answer',
  run: async (prompt: string, ctx) => {
    let tokens = 0;
    for await (const token of model(prompt)) {
      // False: a lot waits to be written. Then it is better to let it be written first.
      if (!ctx.emit(token)) await ctx.emit.drained();
      tokens += 1;
    }
    return { tokens };
  },
});

await using hf = await Holdfast.open({ store: 'memory:', functions: [answer] });
await using server = await serveHttp(hf, { port: 0 });
const run = await hf.start(answer, 'what is a stream?');

// 1. In the process: an iterator that ends with the run.
let text = '';
let next = 0;
for await (const { data, offset, attempt } of hf.runs.parts(run.id)) {
  // A greater attempt begins its answer anew, behind what is there.
  if (attempt > 1) text = '';
  text += data;
  next = offset + 1;
  if (offset === 4) break;
}
console.log(`cut off at ${next}: ${text.trim()}`);

// 2. Whoever comes back says where it was, and misses nothing.
for await (const { data } of hf.runs.parts(run.id, { from: next })) text += data;
console.log('whole:', text.trim());

// 3. The same as server-sent events: a browser's EventSource comes back by itself.
const url = `${server.url}/api/v1/runs/${run.id}/parts/stream`;
const again = await fetch(url, { headers: { 'last-event-id': String(words.length - 2) } });
const events = (await again.text()).split('\n\n').filter((event) => event.includes('event: part'));
console.log('over HTTP, from the last but two:', events.length, 'parts');

const { tokens } = await run.result();
console.log(`the run counted ${tokens} tokens`);

/**
 * The client: typed by an app that it does not load, over a network that loses an answer, following
 * a log to the outcome.
 *
 *   npm exec -- node --conditions=holdfast-source examples/12-client.ts
 */
import { defineFunction, Holdfast } from 'holdfast';
import { ClientError, createClient } from 'holdfast/client';
import { serveHttp } from 'holdfast/http';
import { z } from 'zod';

// Elsewhere this is a module of its own: `import type * as app from './app.ts'`.
const app = {
  ship: defineFunction({
    name: 'order.ship',
    input: z.object({ order: z.int(), to: z.string() }),
    run: ({ order, to }, ctx) => {
      ctx.log.info('packed', { order });
      ctx.log.info('handed over', { to });
      return { order, parcel: `P-${order}` };
    },
  }),
};

await using hf = await Holdfast.open({ store: 'memory:', functions: [app.ship] });
await using server = await serveHttp(hf, { port: 0 });

// A network that loses the first answer, after the server has sent it.
let lost = 0;
const client = createClient<typeof app>({
  url: server.url,
  fetch: async (url, init) => {
    const answer = await fetch(url, init);
    if (init.method === 'GET' || lost > 0) return answer;
    lost += 1;
    throw new TypeError('connection reset');
  },
});

// 1. Names, inputs and results are those of the app: another name would not compile.
const run = await client.start('order.ship', { order: 17, to: 'Ada' });
const { parcel } = await run.result();
console.log(`the parcel: ${parcel}`);

// 2. The answer was lost, the client asked again, and nothing was done twice.
const { succeeded } = await client.runs.counts();
console.log(`answers lost: ${lost}`);
console.log('the run was started once:', run.created && succeeded === 1);

// 3. The log, line by line, until the run has ended.
for await (const { n, message } of run.followLogs()) console.log(`line ${n}: ${message}`);

// 4. Refusals are of one kind, with the code of the error table.
const refused = await client.runs.cancel(run.id).catch((error: unknown) => error);
if (refused instanceof ClientError) console.log(`refused: ${refused.code} (${refused.status})`);

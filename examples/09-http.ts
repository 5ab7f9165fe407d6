/**
 * A runtime behind HTTP: started with an idempotency key, waited for, followed, and seen by a key
 * that is bound to one tenant.
 *
 *   npm exec -- node --conditions=holdfast-source examples/09-http.ts
 */
import { defineFunction, Holdfast } from 'holdfast';
import { serveHttp } from 'holdfast/http';
import { z } from 'zod';

const invoice = defineFunction({
  name: 'invoice.send',
  input: z.object({ customer: z.string(), cents: z.int().positive() }),
  run: ({ customer, cents }, ctx) => {
    ctx.log.info('sending', { customer });
    return { sent: true, cents };
  },
});

await using hf = await Holdfast.open({ store: 'memory:', functions: [invoice] });
await using server = await serveHttp(hf, { port: 0 });

// A key is shown once. With the first key in the store, everybody needs one.
const acme = await hf.keys.create({ name: 'acme shop', scope: 'start', tenant: 'acme' });
const globex = await hf.keys.create({ name: 'globex shop', scope: 'read', tenant: 'globex' });

const ask = (key: string, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${server.url}/api/v1${path}`, {
    ...init,
    headers: { authorization: `Bearer ${key}`, ...init.headers },
  });

// 1. The same key and the same input are the same run: 201, then 200.
const start = (cents: number): Promise<Response> =>
  ask(acme.key, '/functions/invoice.send/runs', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'order-17' },
    body: JSON.stringify({ input: { customer: 'Ada', cents } }),
  });
const first = await start(1_200);
const { id } = (await first.json()) as { id: string };
console.log(`started: ${first.status}, again: ${(await start(1_200)).status}, as ${id}`);

// 2. Another input under the key is a conflict, told as problem+json.
const conflict = (await (await start(9_900)).json()) as { status: number; code: string };
console.log(`another input: ${conflict.status} ${conflict.code}`);

// 3. One request waits for the result.
const result = await ask(acme.key, `/runs/${encodeURIComponent(id)}/result?waitMs=30000`);
console.log('result:', await result.text());

// 4. The log as a stream of events, which ends with the run.
const stream = await ask(acme.key, `/runs/${encodeURIComponent(id)}/logs/stream`);
const events = [...(await stream.text()).matchAll(/^event: (\w+)$/gm)].map(([, event]) => event);
console.log('events:', events.join(', '));

// 5. To the key of another tenant the run is not there.
const foreign = await ask(globex.key, `/runs/${encodeURIComponent(id)}`);
console.log(`for another tenant: ${foreign.status}`);

/**
 * A server to be loaded, one after another: ours, or Hono that reads the body as ours does and
 * hands it to a queue, or to nobody. Nothing executes what is started.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { Logger, makeWorkerUtils } from 'graphile-worker';
import { defineFunction, Holdfast } from 'holdfast';
import { serveHttp } from 'holdfast/http';
import { Hono } from 'hono';
import { type BodyBounds, readJson } from '../../src/http/json-body.ts';
import { systemClock } from '../../src/system/clock.ts';
import type { Ask, Case } from '../case.ts';
import type { Durability, Side } from '../measure.ts';
import { askOnce } from '../postgres/sql.ts';
import { openQueue, type PeerParams } from './bullmq.ts';

type Params = Ask & { readonly side: Side; readonly durability: Durability };
type Place = Ask & { readonly dir: string; readonly url: string | null };

/** A server that listens. */
interface Front {
  readonly url: string;
  /** Ends it; says how many jobs wait. */
  stop(): Promise<number>;
}

/** Whoever takes jobs in behind a server that is not ours. */
interface Taker {
  take(input: unknown): Promise<string>;
  /** How many wait; then it is closed. */
  close(): Promise<number>;
}

const POOL = 10;
const BODY_BYTES_MAX = 4 * 1_048_576;
const WAITING = 'select count(*)::int as waiting from graphile_worker._private_jobs';

export async function openCase({ side, durability }: Params): Promise<Case> {
  let stores = 0;
  let front: Front | null = null;
  const serve = async (ask: Ask): Promise<Front> => {
    const place = ask as Place;
    stores += 1;
    if (side === 'ours') {
      const own = join(place.dir, `http-${durability}-${stores}.db`);
      return serveOurs(place.url ?? own, durability);
    }
    if (side === 'bullmq') return serveTaker(await bullmq({ ...ask, durability } as PeerParams));
    if (side === 'graphile') return serveTaker(await graphile(String(place.url)));
    return serveTaker(nobody);
  };
  return {
    async ask(ask) {
      if (ask.do === 'serve') {
        front = await serve(ask);
        return { url: front.url };
      }
      const waiting = (await front?.stop()) ?? 0;
      front = null;
      return { waiting };
    },
    async close() {
      await front?.stop();
    },
  };
}

async function serveOurs(store: string, durability: Durability): Promise<Front> {
  const noop = defineFunction({ name: 'noop', run: (input: unknown) => input });
  const hf = await Holdfast.open({ store, durability, functions: [noop], execute: false });
  const server = await serveHttp(hf, { port: 0, log: { log: () => {} } });
  return {
    url: server.url,
    async stop() {
      await server.close();
      const { queued } = await hf.runs.counts();
      await hf.close();
      return queued;
    },
  };
}

/** Hono on the same server library as ours. */
async function serveTaker(taker: Taker): Promise<Front> {
  const bounds: BodyBounds = { bytesMax: BODY_BYTES_MAX, timeoutMs: 30_000, clock: systemClock() };
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.post('/api/v1/functions/:name/runs', async (c) => {
    const incoming: IncomingMessage = c.env.incoming;
    const body = (await readJson(incoming, bounds)) as { readonly input: unknown };
    const id = await taker.take(body.input);
    c.header('location', `/api/v1/runs/${id}`);
    return c.json({ id, created: true }, 201);
  });
  const server = createServer(getRequestListener(app.fetch));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      await closed(server);
      return taker.close();
    },
  };
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

const nobody: Taker = { take: async () => 'constant', close: async () => 0 };

async function bullmq(params: PeerParams): Promise<Taker> {
  const { queue, drop } = await openQueue(params);
  return {
    take: async (input) => String((await queue.add('noop', input)).id),
    async close() {
      const waiting = await queue.getWaitingCount();
      await drop();
      return waiting;
    },
  };
}

async function graphile(url: string): Promise<Taker> {
  const logger = new Logger(() => () => {});
  const utils = await makeWorkerUtils({ connectionString: url, maxPoolSize: POOL, logger });
  await utils.migrate();
  return {
    take: async (input) => (await utils.addJob('noop', input)).id,
    async close() {
      await utils.release();
      const [row] = await askOnce(url, WAITING);
      return Number(row?.waiting);
    },
  };
}

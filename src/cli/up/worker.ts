/**
 * Owns one worker process of `holdfast up`: a node that hosts the functions of an app module.
 *
 * K1 It drains when it is told to, when it gets SIGTERM, and when its supervisor is gone.
 * K2 Ctrl-C reaches the whole group of processes; the supervisor decides, so SIGINT is left to it.
 */

import type { Holdfast } from '../../holdfast.ts';
import type { HttpServer } from '../../http/index.ts';
import type { Log } from '../../ports/log.ts';
import type { StoreOption } from '../../runtime/store-place.ts';
import { loadApp } from '../app-module.ts';
import { failureOf } from '../failure.ts';
import type { HttpOrder } from '../http-options.ts';
import type { Io } from '../io.ts';
import { lineLog } from '../line-log.ts';
import type { DrainOrder, WorkerOrder, WorkerReport } from './messages.ts';

/** Works until told to drain; reports to the parent process. */
export async function work(io: Io, store: StoreOption, order: WorkerOrder): Promise<void> {
  const stop = Promise.withResolvers<void>();
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => stop.resolve());
  process.on('disconnect', () => stop.resolve());
  process.on('message', (message: DrainOrder) => {
    if (message.do === 'drain') stop.resolve();
  });
  try {
    await host(io, store, order, stop.promise);
    await report({ fact: 'drained' });
  } catch (error) {
    const { code, message, advice, details } = failureOf(error);
    await report({ fact: 'refused', code, message, details: { ...details, todo: advice } });
    process.exitCode = 1;
  } finally {
    if (process.connected) process.disconnect();
  }
}

async function host(
  io: Io,
  store: StoreOption,
  order: WorkerOrder,
  stop: Promise<void>,
): Promise<void> {
  const { app, node: name, durability, slots, graceMs, http } = order;
  const functions = await loadApp(app);
  const { Holdfast } = await import('../../holdfast.ts');
  const log = lineLog(io, order.logLevel, order.json);
  const hf = await Holdfast.open({
    store,
    functions,
    name,
    durability,
    ...(slots === null ? {} : { slots }),
    drainGraceMs: graceMs,
    log,
  });
  try {
    const server = http === null ? null : await served(hf, http, log);
    await report({
      fact: 'ready',
      node: name,
      functions: functions.map((fn) => fn.name).sort(),
      slots: hf.stats().slots,
      http: server?.url ?? null,
    });
    await stop;
    await server?.close();
  } finally {
    await hf.close();
  }
}

/** The HTTP API, whose modules are loaded where it is asked for. */
async function served(hf: Holdfast, order: HttpOrder, log: Log): Promise<HttpServer> {
  const { serveHttp } = await import('../../http/index.ts');
  return serveHttp(hf, { ...order, log });
}

/** Resolves when the parent has the report, or is gone. */
const report = (fact: WorkerReport): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return resolve();
    process.send(fact, () => resolve());
  });

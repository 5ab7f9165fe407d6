/**
 * Owns the sending of requests that nobody should send, and the judgement: no answer of 5xx but 503
 * (and 504 for a wait that was asked for), no defect in the log, no error that nobody caught, and
 * nothing left open at the end.
 */
import { connect } from 'node:net';
import { Holdfast } from 'holdfast';
import { type HttpServer, serveHttp } from 'holdfast/http';
import type { Log } from '../../src/ports/log.ts';
import { systemClock } from '../../src/system/clock.ts';
import { requestOf } from './fuzz-requests.ts';
import { fuzzFunctions } from './scene.ts';

/** How much is sent. */
export interface FuzzAsk {
  readonly seed: number;
  readonly seconds: number;
  /** The first request; with `count`, so many and no more. */
  readonly from?: number;
  readonly count?: number;
  readonly say?: (line: string) => void;
}

/** What came of it. */
export interface FuzzReport {
  readonly requests: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

const lanes = 32;
const failuresMax = 5;
/** How long an answer may take: the time of a slow request, and then some. */
const patienceMs = 5_000;
const requestTimeoutMs = 150;

/** Sends and judges. */
export async function fuzz({ seed, seconds, from = 0, count, say }: FuzzAsk): Promise<FuzzReport> {
  const clock = systemClock();
  const failures: string[] = [];
  const fail = (n: number, why: string): void => {
    const { bytes } = requestOf(seed, n);
    const shown = JSON.stringify(bytes.toString('latin1').slice(0, 400));
    failures.push(
      `${why}; replay: npm run fuzz:http -- --seed ${seed} --from ${n} --count 1\n${shown}`,
    );
  };
  const log: Log = {
    log: (level, message, fields) => {
      if (level === 'error') failures.push(`logged: ${message} ${JSON.stringify(fields)}`);
    },
  };
  /** The answer to a HEAD has no code in a body. */
  const hasWaited = (n: number, said: string): boolean =>
    said.includes('wait.timeout') || /^HEAD \S+\/result\b/.test(String(requestOf(seed, n).bytes));
  const uncaught = (error: unknown): void => void failures.push(`uncaught: ${String(error)}`);
  process.on('uncaughtException', uncaught).on('unhandledRejection', uncaught);
  const before = sockets();
  const hf = await Holdfast.open({
    store: 'memory:',
    functions: fuzzFunctions(),
    drainGraceMs: 0,
    log,
  });
  const server = await serveHttp(hf, { port: 0, requestTimeoutMs, bodyBytesMax: 100_000, log });
  const statuses: Record<string, number> = {};
  const endsAt = clock.mono() + seconds * 1_000;
  let next = from;
  const lane = async (): Promise<void> => {
    while (clock.mono() < endsAt && failures.length < failuresMax) {
      if (count !== undefined && next >= from + count) return;
      const n = next;
      next += 1;
      const said = await send(server, requestOf(seed, n));
      if (said === null) fail(n, `no answer and no end within ${patienceMs} ms`);
      for (const status of statusesIn(said ?? '')) {
        statuses[status] = (statuses[status] ?? 0) + 1;
        const waited = status === '504' && hasWaited(n, said ?? '');
        if (status.startsWith('5') && status !== '503' && !waited) fail(n, `answered ${status}`);
      }
      if (n % 5_000 === 0 && n > from) say?.(`${n - from} requests, ${JSON.stringify(statuses)}`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const alive = await fetch(`${server.url}/livez`).then(({ status }) => status);
  if (alive !== 200) failures.push(`it does not live any more: ${alive}`);
  await server.close({ graceMs: 2_000 });
  const { requests, streams } = server.load();
  if (requests + streams > 0) failures.push(`left: ${requests} requests, ${streams} streams`);
  await hf.close();
  // Sockets are closed one turn behind the promise that says so.
  for (let turn = 0; turn < 1_000 && sockets() > before; turn += 1) await new Promise(setImmediate);
  if (sockets() > before) failures.push(`left: ${sockets() - before} sockets`);
  process.off('uncaughtException', uncaught).off('unhandledRejection', uncaught);
  return { requests: next - from, statuses, failures };
}

const sockets = (): number =>
  process.getActiveResourcesInfo().filter((one) => /^TCP/.test(one)).length;

const statusesIn = (said: string): string[] =>
  [...said.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status = '']) => status);

/** All that comes back; null if nothing ends it in time. */
function send(
  { port }: HttpServer,
  { bytes, pieces, leaves }: ReturnType<typeof requestOf>,
): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const socket = connect({ port, host: '127.0.0.1' });
  let said = '';
  const late = setTimeout(() => {
    // A stream, or a connection that is kept: whoever has an answer may go.
    resolve(said === '' ? null : said);
    socket.destroy();
  }, patienceMs);
  socket.on('data', (chunk) => {
    said += chunk.toString('latin1');
    // A stream goes on for as long as its run, and a connection that is kept longer still.
    const kept = !/connection: close/i.test(bytes.toString('latin1'));
    if (kept || said.includes('text/event-stream')) socket.destroy();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    clearTimeout(late);
    resolve(said);
  });
  const size = Math.ceil(bytes.length / pieces);
  for (let at = 0; at < bytes.length; at += size) socket.write(bytes.subarray(at, at + size));
  if (bytes.length === 0) socket.end();
  if (leaves) socket.once('connect', () => socket.destroySoon());
  return promise;
}

/**
 * Owns the server as a whole: where it listens, what it lets in, and how it ends.
 *
 * S1 What is refused before it is a request (too large, too slow, no HTTP) is answered with a
 *    problem, too, and costs a connection and nothing more.
 * S2 Beyond loopback it starts with a key in the store, or because anonymous access was asked for.
 * S3 It ends in order: no new connection, no new request; waits and streams end with a word; the
 *    rest may finish within the grace; then everything is cut.
 * S4 A reader who takes nothing of an answer for `streamStallMs` is cut off, whatever it asked for:
 *    what waits for it is memory of ours.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { checkNumber, checkOptions } from '../core/check.ts';
import { type ErrorCode, HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { Holdfast } from '../holdfast.ts';
import { systemClock } from '../system/clock.ts';
import { openTelemetry } from '../system/open-telemetry.ts';
import { systemRandom } from '../system/random.ts';
import { type AppParts, buildApp, drainingError } from './app.ts';
import { KeyRing } from './caller.ts';
import { corsHeaders } from './cors.ts';
import { Cursors } from './cursor.ts';
import { refusalAtDoor } from './door.ts';
import { Metering } from './metering.ts';
import { documentRoute } from './openapi.ts';
import { Operations } from './operations.ts';
import { type HttpOptions, type HttpSettings, httpSettings } from './options.ts';
import { errorOf, problemHeaders, problemOf } from './problem.ts';
import type { Route } from './route.ts';
import { routes } from './routes/index.ts';

const graceMsDefault = 10_000;
const graceMsMax = 3_600_000;
/** Node's own look at slow requests comes behind ours, which answers better. */
const requestSlackMs = 2_000;

/** A server at work. */
export interface HttpServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:7400`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Requests and streams under way, for metrics and tests. Costs nothing. */
  load(): { readonly requests: number; readonly streams: number };
  /** S3. Close it before the runtime. Asked again, waits for the same end. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

/**
 * Serves a runtime over HTTP. Rejects with `request.invalid` for a wrong option or an address at
 * which it cannot listen, and with `auth.missing` (S2).
 *
 * @example
 * await using hf = await Holdfast.open({ store: 'memory:', functions: [greet] });
 * await using server = await serveHttp(hf, { port: 0 });
 * await fetch(`${server.url}/livez`); // 200
 */
export async function serveHttp(hf: Holdfast, options: HttpOptions = {}): Promise<HttpServer> {
  const settings = httpSettings(options);
  const clock = systemClock();
  const random = systemRandom();
  const ring = new KeyRing(hf.keys, clock, settings);
  await refuseOpenDoor(settings, ring);
  const state = { draining: false };
  const operations = new Operations(hf.runs, hf.deadLetters, clock, random.id);
  const served = settings.metrics === 'off' ? routes.filter((one) => !tells(one)) : routes;
  const all = [...served, documentRoute(served)];
  const parts: AppParts = {
    ...{ hf, settings, clock, random, ring, operations },
    cursors: new Cursors(() => hf.keys.cursorSecret()),
    tracing: openTelemetry(),
    draining: () => state.draining,
    routes: all,
    metering: new Metering(all),
    load: () => ({ requests: parts.underWay.size, streams: parts.streams.size }),
    ofStore: settings.metrics === 'all',
    streams: new Set(),
    underWay: new Set(),
  };
  const server = listener(parts);
  await listen(server, settings);
  const { port } = server.address() as AddressInfo;
  const { host } = settings;
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  let closing: Promise<void> | null = null;
  const close: HttpServer['close'] = (ask = {}) => {
    checkOptions('close', ask, ['graceMs']);
    const graceMs = checkNumber('graceMs', ask.graceMs ?? graceMsDefault, 0, graceMsMax);
    state.draining = true;
    closing ??= drain(server, parts, graceMs);
    return closing;
  };
  return {
    ...{ host, port, url: `http://${name}:${port}`, close },
    load: parts.load,
    [Symbol.asyncDispose]: () => close(),
  };
}

const tells = ({ name }: Route): boolean => name === 'getMetrics';

/** S2 */
async function refuseOpenDoor(settings: HttpSettings, ring: KeyRing): Promise<void> {
  if (settings.loopback || settings.allowAnonymous === true || (await ring.any())) return;
  const message = `others can reach ${settings.host}, and the store has no access key to ask for`;
  const todo = 'make one: holdfast keys create <name>; or say that anybody may do everything';
  throw new HoldfastError('auth.missing', message, { details: { host: settings.host, todo } });
}

function listener(parts: AppParts): Server {
  const { settings } = parts;
  const app = buildApp(parts);
  const ask = getRequestListener(app.fetch, {
    // A library must not change the globals of the program that it is in.
    ...{ overrideGlobalObjects: false, hostname: 'localhost' },
    errorHandler: (thrown) => responseTo(parts, brokenUrl(thrown)),
  });
  const { requestTimeoutMs } = settings;
  const server = createServer({
    maxHeaderSize: limits.httpHeaderBytesMax,
    requestTimeout: requestTimeoutMs + requestSlackMs,
    headersTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, Math.max(50, requestTimeoutMs / 4)),
    // We look at it ourselves, and answer with a problem.
    requireHostHeader: false,
  });
  server.maxConnections = settings.connectionsMax;
  // Headers are counted at the door: by itself Node leaves the others out and says nothing.
  server.maxHeadersCount = 0;
  const busy = new WeakMap<Socket, number>();
  let requests = 0;
  const take = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const { socket } = incoming;
    requests += 1;
    busy.set(socket, (busy.get(socket) ?? 0) + 1);
    outgoing.once('close', () => {
      requests -= 1;
      busy.set(socket, (busy.get(socket) ?? 1) - 1);
      // S3: one that was told to be kept is idle only after this turn.
      if (parts.draining()) setImmediate(() => server.closeIdleConnections());
    });
    const refusal = refusalAtDoor(incoming) ?? tooMany(parts, requests, incoming);
    if (refusal === null) void ask(incoming, outgoing);
    else refuse(parts, incoming, outgoing, refusal);
  };
  server.on('request', take);
  server.on('checkExpectation', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const message = "only '100-continue' is expected";
    refuse(parts, incoming, outgoing, new HoldfastError('http.malformed', message));
  });
  server.timeout = settings.streamStallMs;
  server.on('timeout', (socket: Socket) => {
    const answering = busy.get(socket);
    // Who never asked is told by the look at slow requests; who waits for us may go on waiting.
    if (answering === undefined || (answering > 0 && socket.writableLength === 0)) return;
    socket.destroy();
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    cutOff(parts, error, socket, (busy.get(socket) ?? 0) > 0);
  });
  return server;
}

/** What Node cannot make a URL of. */
const brokenUrl = (thrown: unknown): HoldfastError => {
  const error = errorOf(thrown);
  if (error.code !== 'internal.defect') return error;
  return new HoldfastError('http.malformed', 'the path or the Host of the request makes no URL');
};

function responseTo({ random, metering }: AppParts, error: HoldfastError): Response {
  const problem = problemOf(error, random.id());
  metering.count({ ...refusedAtDoor, status: problem.status });
  const init = { status: problem.status, headers: problemHeaders(error, problem.requestId) };
  return new Response(JSON.stringify(problem), init);
}

function tooMany(
  { settings, draining }: AppParts,
  requests: number,
  { url }: IncomingMessage,
): HoldfastError | null {
  if (draining() && url !== '/livez' && url !== '/readyz') return drainingError();
  if (requests <= settings.requestsMax) return null;
  return new HoldfastError('http.busy', `${requests - 1} requests are under way already`);
}

/** What was refused before it was looked at. */
const refusedAtDoor = { route: null, method: undefined, ms: null } as const;

/** Answers at the door; what else comes over the connection is not looked at. */
function refuse(
  parts: AppParts,
  { headers: { origin } }: IncomingMessage,
  to: ServerResponse,
  error: HoldfastError,
): void {
  const { random, settings, metering } = parts;
  const problem = problemOf(error, random.id());
  const { status, requestId, code } = problem;
  metering.count({ ...refusedAtDoor, status });
  settings.log.log('debug', 'http refused', { status, code, requestId });
  const body = JSON.stringify(problem);
  to.writeHead(status, {
    ...problemHeaders(error, requestId),
    ...Object.fromEntries(corsHeaders(origin, settings)),
    connection: 'close',
    'content-length': Buffer.byteLength(body),
  }).end(body);
}

const parserCodes: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'http.headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payload.too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'http.timeout',
};

const parserWords: Partial<Record<ErrorCode, string>> = {
  'http.headers_too_large': `URL and headers take over ${limits.httpHeaderBytesMax} bytes`,
  'payload.too_large': 'the extensions of the chunks of the body are too large',
  'http.timeout': 'the request did not arrive in time',
};

/** S1. While an answer is on its way on the connection, another would be read as a part of it. */
function cutOff(
  { random, settings, metering }: AppParts,
  error: NodeJS.ErrnoException,
  socket: Socket,
  answering: boolean,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable || answering) {
    socket.destroy();
    return;
  }
  const code = parserCodes[error.code ?? ''] ?? 'http.malformed';
  const message = parserWords[code] ?? 'what was sent is no HTTP request';
  const refusal = new HoldfastError(code, message);
  const problem = problemOf(refusal, random.id());
  metering.count({ ...refusedAtDoor, status: problem.status });
  settings.log.log('debug', 'http cut off', { status: problem.status, code });
  const body = JSON.stringify(problem);
  const headers = { ...problemHeaders(refusal, problem.requestId), connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = `content-length: ${Buffer.byteLength(body)}\r\n`;
  const head = `HTTP/1.1 ${problem.status} Refused\r\n${lines.join('')}${length}\r\n`;
  socket.end(head + body, () => socket.destroy());
}

function listen(server: Server, { host, port }: HttpSettings): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (cause: NodeJS.ErrnoException) => {
    const message = `cannot listen on ${host}, port ${port}: ${cause.code ?? cause.message}`;
    reject(new HoldfastError('request.invalid', message, { details: { host, port } }));
  });
  server.listen(port, host.replace(/^\[(.*)\]$/, '$1'), resolve);
  return promise;
}

/** S3 */
async function drain(server: Server, parts: AppParts, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  for (const gone of parts.underWay) gone.abort(drainingError());
  const cut = parts.clock.after(graceMs, () => server.closeAllConnections());
  await Promise.all([closed, parts.operations.close()]);
  cut.cancel();
}

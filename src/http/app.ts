/**
 * Owns the way of one request through the server: who asks, what is asked, the answer, and the line
 * in the log.
 *
 * A1 Who asks is known before the body is read, and the body before anything is done.
 * A2 Whatever is thrown becomes a problem of the error table; nothing else goes out.
 */
import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { HoldfastError } from '../core/errors.ts';
import { traceParts } from '../core/traceparent.ts';
import type { Random } from '../ports/random.ts';
import type { Span, Tracing } from '../ports/tracing.ts';
import { type Caller, checkScope, type KeyRing } from './caller.ts';
import { corsHeaders, preflight } from './cors.ts';
import { EventStream } from './event-stream.ts';
import { readJson } from './json-body.ts';
import type { HttpSettings } from './options.ts';
import { errorOf, problemHeaders, problemOf } from './problem.ts';
import type { Answer, Route, Services } from './route.ts';
import { guardStream } from './stream-guard.ts';

/** What the app is made of. */
export interface AppParts extends Services {
  readonly settings: HttpSettings;
  readonly ring: KeyRing;
  readonly random: Random;
  readonly tracing: Tracing;
  readonly routes: readonly Route[];
  /** Streams that are open. */
  readonly streams: Set<EventStream>;
  /** One for each request under way: aborted when the server drains. */
  readonly underWay: Set<AbortController>;
}

type Ctx = Context<{ Bindings: HttpBindings }>;
export type App = Hono<{ Bindings: HttpBindings }>;

/** Puts every route in its place. */
export function buildApp(parts: AppParts): App {
  const app: App = new Hono<{ Bindings: HttpBindings }>();
  const methods = new Map<string, string[]>();
  for (const one of parts.routes) {
    const method = one.method.toUpperCase();
    methods.set(one.path, [...(methods.get(one.path) ?? []), method]);
    app.on(method, pattern(one.path), (c) => respond(parts, c, one.path, asking(parts, one)));
  }
  for (const [path, allowed] of methods) {
    const allow = allowed.includes('GET') ? [...allowed, 'HEAD'] : allowed;
    app.all(
      pattern(path),
      (c) =>
        preflight(c, parts.settings, allow) ??
        respond(parts, c, path, () => {
          const message = `${c.req.method} is not for this path; it takes ${allow.join(', ')}`;
          throw new HoldfastError('http.wrong_method', message, { details: { allow } });
        }),
    );
  }
  app.notFound((c) => respond(parts, c, null, nothingThere));
  return app;
}

/** A path as the library has it. */
const pattern = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

const nothingThere = (): never => {
  const message = 'nothing is served at this path; see /api/v1/openapi.json';
  throw new HoldfastError('http.no_route', message);
};

/** What is known of a request beside its content. */
interface Trail {
  readonly requestId: string;
  readonly span: Span | null;
  caller: Caller | null;
}

type Ask = (c: Ctx, trail: Trail) => Promise<Answer> | Answer;

/** A2: answers in any case, and says so in the log. */
async function respond(parts: AppParts, c: Ctx, path: string | null, ask: Ask): Promise<Response> {
  const { clock, settings, random } = parts;
  const startedAt = clock.mono();
  const requestId = random.id();
  const span = beginSpan(parts, c, path, requestId);
  const trail: Trail = { requestId, span, caller: null };
  let response: Response;
  try {
    const answer = span === null ? ask(c, trail) : span.within(() => ask(c, trail));
    response = responseOf(await answer);
  } catch (thrown) {
    const error = errorOf(thrown);
    if (error.code === 'internal.defect') {
      const fields = { requestId: trail.requestId, error: String(error.cause ?? error) };
      settings.log.log('error', 'a request met a defect', fields);
    }
    const problem = problemOf(error, trail.requestId);
    const init = { status: problem.status, headers: problemHeaders(error, trail.requestId) };
    response = new Response(JSON.stringify(problem), init);
  }
  const { headers } = response;
  headers.set('x-request-id', trail.requestId);
  headers.set('cache-control', 'no-store');
  headers.set('x-content-type-options', 'nosniff');
  for (const [name, value] of corsHeaders(c.req.header('origin'), settings)) {
    headers.set(name, value);
  }
  if (parts.draining()) headers.set('connection', 'close');
  span?.set('http.response.status_code', response.status);
  span?.end(response.status < 500 ? null : { code: String(response.status), message: '' });
  const ms = clock.mono() - startedAt;
  const { method } = c.req;
  const { status } = response;
  parts.metering.count({ route: path, method, status, ms });
  settings.log.log('debug', 'http', {
    ...{ method, path, status, requestId: trail.requestId },
    ...{ ms: Math.round(ms), key: trail.caller?.key ?? null },
  });
  return response;
}

/** Below the span of whoever asks. */
function beginSpan(
  { tracing }: AppParts,
  c: Ctx,
  path: string | null,
  requestId: string,
): Span | null {
  const { method } = c.req;
  return tracing.begin({
    name: path === null ? method : `${method} ${path}`,
    kind: 'server',
    parent: headerOf(c.env.incoming.headers.traceparent) ?? null,
    attributes: {
      'http.request.method': method,
      ...(path === null ? {} : { 'http.route': path }),
      'holdfast.request.id': requestId,
    },
  });
}

function responseOf({ status, body, headers = {}, stream, text }: Answer): Response {
  if (text !== undefined) return new Response(text, { status, headers: { ...headers } });
  if (stream !== undefined) {
    const more = { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' };
    return new Response(stream.body, { status, headers: { ...headers, ...more } });
  }
  if (body === undefined) return new Response(null, { status, headers: { ...headers } });
  const more = { 'content-type': 'application/json' };
  return new Response(JSON.stringify(body), { status, headers: { ...headers, ...more } });
}

/** A1 */
const asking =
  (parts: AppParts, one: Route): Ask =>
  async (c, trail) => {
    const { incoming, outgoing } = c.env;
    const { settings, ring, clock } = parts;
    const streams = Object.values(one.answers).some(({ schema }) => schema === 'stream');
    if (streams && incoming.method !== 'GET') {
      const details = { allow: ['GET'] };
      throw new HoldfastError('http.wrong_method', 'a stream takes GET only', { details });
    }
    const { authorization, host, origin } = incoming.headers;
    const asker = { authorization, host, origin };
    const caller = one.scope === null ? nobody : await ring.callerOf(asker);
    trail.caller = caller;
    if (one.wholeStore === true && caller.tenant !== null) nothingThere();
    if (one.scope !== null) checkScope(caller, one.scope);
    const { bodyBytesMax: bytesMax, requestTimeoutMs: timeoutMs } = settings;
    const body =
      one.body === null ? undefined : await readJson(incoming, { bytesMax, timeoutMs, clock });
    const gone = new AbortController();
    parts.underWay.add(gone);
    outgoing.once('close', () => {
      parts.underWay.delete(gone);
      gone.abort(new HoldfastError('http.malformed', 'the connection ended before the answer'));
    });
    const { requestId } = trail;
    const asked = {
      ...parts,
      ...{ caller, requestId, signal: gone.signal },
      trace: trail.span?.trace ?? carried(headerOf(incoming.headers.traceparent)),
      openStream: () => openStream(parts, caller, gone, () => outgoing.destroy()),
      header: (name: string) => headerOf(incoming.headers[name]),
    };
    if (parts.draining()) gone.abort(drainingError());
    return one.answer(asked, { params: c.req.param(), query: queryOf(incoming.url), body });
  };

/** What is not well-formed is not carried on: whoever sent it still gets an answer. */
const carried = (header: string | undefined): string | undefined =>
  traceParts(header) === null ? undefined : header;

const nobody: Caller = { key: null, scope: 'read', tenant: null };

/** What requests are told that the drain cuts short. */
export const drainingError = (): HoldfastError =>
  new HoldfastError('node.draining', 'the server is shutting down; ask again elsewhere or later');

const revokedError = (): HoldfastError =>
  new HoldfastError('auth.missing', 'the access key was revoked while the stream was open');

const headerOf = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(', ') : value;

/** `gone` is aborted when the key of the caller is revoked. */
function openStream(
  { settings, streams, clock, ring }: AppParts,
  caller: Caller,
  gone: AbortController,
  drop: () => void,
): EventStream {
  const { streamsMax, streamStallMs: stallMs, streamBeatMs: beatMs } = settings;
  if (streams.size >= streamsMax) {
    throw new HoldfastError('http.busy', `${streams.size} streams are open, as many as allowed`);
  }
  const leave = guardStream({
    clock,
    allowed: () => ring.letsInStill(caller),
    revoked: () => gone.abort(revokedError()),
  });
  const over = (): void => {
    leave();
    streams.delete(stream);
  };
  const stream: EventStream = new EventStream({ clock, stallMs, beatMs, drop, over });
  streams.add(stream);
  return stream;
}

/** The query, each name once. */
function queryOf(url = ''): Readonly<Record<string, string>> {
  const at = url.indexOf('?');
  const params = new URLSearchParams(at === -1 ? '' : url.slice(at + 1));
  const seen = new Set<string>();
  for (const name of params.keys()) {
    if (!seen.has(name)) seen.add(name);
    else {
      const message = 'a parameter of the query was given twice; give it once';
      throw new HoldfastError('request.invalid', message, { details: { name } });
    }
  }
  return Object.fromEntries(params);
}

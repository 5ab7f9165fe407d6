/**
 * A runtime, a server in front of it, and the ways to ask: by fetch, and by bytes on a socket.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { defineFunction, Holdfast, type OpenOptions } from 'holdfast';
import { type HttpOptions, type HttpServer, serveHttp } from 'holdfast/http';
import { z } from 'zod';
import type { Problem } from '../../src/http/problem.ts';
import { silentLog } from '../../src/ports/log.ts';
import { meetings, Place } from '../e2e/runtime-scene.ts';

const made = () => meetings();
export type Meetings = ReturnType<typeof made>;

/** Functions that answer, fail, wait for the test, and talk. */
function functionsFor(meet: Meetings) {
  return [
    defineFunction({ name: 'greet', input: z.string(), run: (name) => `hello ${name}` }),
    defineFunction({
      name: 'fail',
      retry: { attemptsMax: 1 },
      run: (): never => {
        throw new Error('no such thing');
      },
    }),
    defineFunction({
      name: 'wait',
      run: async (key: string, ctx) => {
        meet(`begun ${key}`).resolve();
        const stopped = new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
        await Promise.race([meet(key).promise, stopped]);
        ctx.signal.throwIfAborted();
        return key;
      },
    }),
    defineFunction({
      name: 'ship',
      run: async (what: string, ctx) => {
        await ctx.step('pack', () => what);
        const { decision } = await ctx.approval();
        return (await decision()).state;
      },
    }),
    defineFunction({
      name: 'desk',
      signals: { book: null },
      run: async (_: unknown, ctx) => {
        for (let n = 0; n < 100; n += 1) {
          ctx.state.set('booked', n);
          await (await ctx.waitForSignal('book'))?.accept({ n });
        }
      },
    }),
    defineFunction({
      name: 'talk',
      run: (lines: number, ctx) => {
        for (let n = 1; n <= Math.min(lines, 1_000); n += 1) ctx.log.info(`line ${n}`, { n });
        return lines;
      },
    }),
    defineFunction({
      name: 'emit',
      run: async (parts: number, ctx) => {
        for (let n = 0; n < Math.min(parts, 10_000); n += 1) {
          const part = n % 4 === 3 ? new Uint8Array([n % 256, 255]) : `part ${n}\n\n`;
          if (!ctx.emit(part)) await ctx.emit.drained();
        }
        return parts;
      },
    }),
    defineFunction({
      name: 'babble',
      run: async (_: unknown, ctx) => {
        // Without end, so that every buffer on the way of a reader is full some time.
        while (!ctx.signal.aborted) {
          ctx.emit('x'.repeat(32_000));
          await ctx.emit.drained();
        }
      },
    }),
    defineFunction({
      name: 'seat',
      lane: 'the seat',
      run: async (key: string, ctx) => {
        meet(`begun ${key}`).resolve();
        const stopped = new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
        await Promise.race([meet(key).promise, stopped]);
        return key;
      },
    }),
  ];
}

/** The same for whom nobody meets: what waits is cancelled, or waits for ever. */
export const fuzzFunctions = () => functionsFor(meetings());

/** What came back. */
export interface Told<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface AskOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class HttpScene implements AsyncDisposable {
  readonly hf: Holdfast;
  readonly server: HttpServer;
  readonly meet: Meetings;
  readonly #place: Place | null;

  private constructor(hf: Holdfast, server: HttpServer, meet: Meetings, place: Place | null) {
    this.hf = hf;
    this.server = server;
    this.meet = meet;
    this.#place = place;
  }

  static async open(
    http: HttpOptions = {},
    store: 'memory' | 'sqlite' = 'memory',
    options: Partial<OpenOptions> = {},
  ): Promise<HttpScene> {
    const meet = meetings();
    const place = store === 'sqlite' ? await Place.make() : null;
    const common = { functions: functionsFor(meet), drainGraceMs: 0, log: silentLog, ...options };
    const hf =
      place === null
        ? await Holdfast.open({ store: 'memory:', ...common })
        : await place.open(common);
    const server = await serveHttp(hf, { port: 0, log: silentLog, ...http });
    return new HttpScene(hf, server, meet, place);
  }

  /** Asks by fetch; a body is sent as JSON, unless it is text or bytes already. */
  async ask<T = unknown>(path: string, options: AskOptions = {}): Promise<Told<T>> {
    const response = await this.fetch(path, options);
    const said = await response.text();
    const body = (said === '' ? null : JSON.parse(said)) as T;
    return { status: response.status, headers: response.headers, body };
  }

  fetch(path: string, { method, body, key, headers = {} }: AskOptions = {}): Promise<Response> {
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    return fetch(`${this.server.url}${path}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
    });
  }

  /** Asks, and expects a refusal with this code. */
  async refused(code: string, path: string, options: AskOptions = {}): Promise<Told<Problem>> {
    const told = await this.ask<Problem>(path, options);
    assert.equal(told.body?.code, code, `${path}: ${JSON.stringify(told.body)}`);
    assert.equal(told.status, told.body.status);
    assert.equal(told.headers.get('content-type'), 'application/problem+json');
    return told;
  }

  /** Starts a run, which must be accepted. */
  async start(fn: string, input: unknown, more: object = {}): Promise<string> {
    const body = { input, ...more };
    const { status, body: made } = await this.ask<{ id: string }>(`/api/v1/functions/${fn}/runs`, {
      body,
    });
    assert.equal(status, 201, JSON.stringify(made));
    return made.id;
  }

  /** A connection of its own. */
  dial(): Socket {
    return connect({ port: this.server.port, host: '127.0.0.1', allowHalfOpen: true });
  }

  /** Sends bytes and gives all that comes back until the server closes. */
  async bytes(sent: string | Buffer): Promise<string> {
    const socket = this.dial();
    let said = '';
    socket.on('data', (chunk) => {
      said += String(chunk);
    });
    // Where the server did not read all, the system says so with a reset.
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.write(sent);
    await new Promise((resolve) => socket.once('close', resolve));
    return said;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close({ graceMs: 0 });
    await this.hf.close();
    await this.#place?.remove();
  }
}

/** The problem in what came back over a socket. */
export function problemIn(said: string): Problem {
  const [, body = ''] = said.split('\r\n\r\n');
  return JSON.parse(body) as Problem;
}

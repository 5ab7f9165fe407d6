/**
 * Owns the sending of requests: by fetch, and again where that is safe.
 *
 * T1 Every sending of a request has the same bytes.
 * T2 Whoever aborts gets the reason of the signal at once, whatever is waited for.
 * T3 Redirects are not followed: a POST would become a GET, or the key go elsewhere.
 */
import { webChance } from '../system/web.ts';
import { ClientError } from './error.ts';
import { answered, type Failure, noAnswer, type Sent } from './failure.ts';
import type { ClientSettings } from './options.ts';
import type { Path } from './path.ts';
import { Patience, pause } from './patience.ts';
import { delayBefore } from './retry.ts';

/** What every call takes. */
export interface CallOptions {
  /** Ends the call with the signal's reason. What was sent may have been done. */
  readonly signal?: AbortSignal | undefined;
}

type Word = string | number | undefined;

/** A request. */
export interface Ask extends CallOptions {
  /** Default: GET. */
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly to: Path;
  readonly query?: Readonly<Record<string, Word>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether to do it twice is as good as once. Default: for GET. */
  readonly safe?: boolean;
  /** How long the server was asked to wait. */
  readonly waitMs?: number;
}

const isSafe = ({ method = 'GET', safe = method === 'GET' }: Ask): boolean => safe;
const shown = ({ method = 'GET', to }: Ask): string => `${method} ${to.shown}`;

/** Sends requests to one server. */
export class Transport {
  readonly settings: ClientSettings;

  constructor(settings: ClientSettings) {
    this.settings = settings;
  }

  /** The body of the answer. Rejects with a ClientError, or the reason of the signal. */
  async ask<T>(ask: Ask): Promise<T> {
    const init = this.#init(ask);
    for (let sent = 1; ; sent += 1) {
      const got = await this.#send(ask, init);
      if (got.ok) return got.value as T;
      await this.comeBack(got, ask, sent);
    }
  }

  /** A stream, once its headers are there. One sending: whoever follows comes back by itself. */
  async open(ask: Ask, patience: Patience): Promise<Sent<ReadableStream<Uint8Array>>> {
    try {
      const response = await this.#fetch(ask, this.#init(ask), patience);
      if (response.ok && response.body !== null) return { ok: true, value: response.body };
      const got = answered(shown(ask), true, response, await response.text());
      return got.ok ? noAnswer(shown(ask), true, 'it is no stream') : got;
    } catch (cause) {
      ask.signal?.throwIfAborted();
      return noAnswer(shown(ask), true, cause);
    }
  }

  /** Waits until the request may be sent again; throws its error if it may not. */
  async comeBack(failure: Failure, ask: Ask, sent: number, leastMs = 0): Promise<void> {
    const { retry } = this.settings;
    const delayMs = delayBefore(failure, isSafe(ask), sent, retry, webChance());
    if (delayMs === null) throw failure.error;
    await pause(Math.max(delayMs, leastMs), ask.signal);
  }

  async #send(ask: Ask, init: RequestInit): Promise<Sent<unknown>> {
    const safe = isSafe(ask);
    ask.signal?.throwIfAborted();
    const patience = new Patience(ask.signal);
    try {
      const response = await this.#fetch(ask, init, patience);
      return answered(shown(ask), safe, response, await response.text());
    } catch (cause) {
      ask.signal?.throwIfAborted();
      return noAnswer(shown(ask), safe, cause);
    } finally {
      patience.end();
    }
  }

  #fetch({ to, query, waitMs = 0 }: Ask, init: RequestInit, patience: Patience): Promise<Response> {
    const { base, fetch, timeoutMs } = this.settings;
    patience.allow(timeoutMs + waitMs);
    return fetch(base + to.path + queryText(query), { ...init, signal: patience.signal });
  }

  /** T1 */
  #init({ method = 'GET', body, headers = {} }: Ask): RequestInit {
    const { key } = this.settings;
    const all: Record<string, string> = { ...headers };
    if (key !== null) all.authorization = `Bearer ${key}`;
    const init: RequestInit = { method, headers: all, redirect: 'manual' };
    if (body === undefined) return init;
    all['content-type'] = 'application/json';
    return { ...init, body: jsonText(body) };
  }
}

function queryText(query: Ask['query'] = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) words.set(name, String(value));
  }
  return words.size === 0 ? '' : `?${words}`;
}

function jsonText(body: unknown): string {
  try {
    return JSON.stringify(body);
  } catch (cause) {
    const message = 'what was given cannot be written as JSON';
    throw new ClientError('payload.not_json', message, { cause });
  }
}

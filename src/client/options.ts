/**
 * Owns the options of a client: their checks and defaults.
 */
import { invalid } from './error.ts';
import { type ClientRetry, retryDefault } from './retry.ts';

/** What sends requests: `fetch`, or something that behaves like it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The options of `createClient`. */
export interface ClientOptions {
  /**
   * Where the server is, such as `http://127.0.0.1:7400`. What stands in front of it may add a
   * path. In a browser a path alone is enough: `/` is the page's own origin.
   */
  readonly url: string;
  /** The access key, `hf_...`. Whoever can read a page can read the key in it. */
  readonly key?: string | undefined;
  /** Sends the requests. Default: the `fetch` of the platform. */
  readonly fetch?: Fetch | undefined;
  /** How often, and when, what is safe is sent again; `false`: never. Default: 5 tries. */
  readonly retry?: Partial<ClientRetry> | false | undefined;
  /**
   * How long a request may be without an answer, and a stream without a sign of life, in ms.
   * Default 30,000. The time that a call asks the server to wait comes on top.
   */
  readonly timeoutMs?: number | undefined;
}

/** Options with everything filled in. */
export interface ClientSettings {
  /** Where `/api/v1` is, without a slash at its end. */
  readonly base: string;
  readonly key: string | null;
  readonly fetch: Fetch;
  readonly retry: ClientRetry;
  readonly timeoutMs: number;
}

const names = ['url', 'key', 'fetch', 'retry', 'timeoutMs'];
const retryNames = ['attemptsMax', 'delayMs', 'delayMsMax'];
const timeoutMsDefault = 30_000;
const timeoutMsMax = 86_400_000;
const attemptsMax = 1_000;

/** Checks the options; throws `request.invalid`. */
export function clientSettings(options: ClientOptions): ClientSettings {
  known('an option of createClient', options, names);
  const { url, key, fetch: given, retry = {}, timeoutMs = timeoutMsDefault } = options;
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) {
    throw invalid('key', 'it must be printable, without spaces');
  }
  return {
    base: baseOf(url),
    key: key ?? null,
    // Called as a method of something else, a browser's fetch refuses.
    fetch: given ?? ((to, init) => fetch(to, init)),
    retry: retryOf(retry),
    timeoutMs: whole('timeoutMs', timeoutMs, 1, timeoutMsMax),
  };
}

function baseOf(url: unknown): string {
  const rule = 'give an http or https address, or a path that begins with /';
  if (typeof url !== 'string') throw invalid('url', rule);
  if (!url.startsWith('/')) {
    const { protocol, username, password } = URL.canParse(url) ? new URL(url) : noUrl;
    if (!/^https?:$/.test(protocol)) throw invalid('url', rule);
    if (username + password !== '') throw invalid('url', 'it must hold no name and no password');
  }
  if (/[?#]/.test(url)) throw invalid('url', 'it must have no query and no fragment');
  return `${url.replace(/\/+$/, '')}/api/v1`;
}

const noUrl = { protocol: '', username: '', password: '' };

function retryOf(retry: Partial<ClientRetry> | false): ClientRetry {
  if (retry === false) return { ...retryDefault, attemptsMax: 1 };
  known('an option of retry', retry, retryNames);
  const all = { ...retryDefault, ...retry };
  whole('retry.attemptsMax', all.attemptsMax, 1, attemptsMax);
  whole('retry.delayMs', all.delayMs, 0, timeoutMsMax);
  whole('retry.delayMsMax', all.delayMsMax, 0, timeoutMsMax);
  return all;
}

function known(what: string, value: unknown, allowed: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw invalid(what, 'give an object of options');
  const wrong = Object.keys(value).find((name) => !allowed.includes(name));
  if (wrong !== undefined) throw invalid(what, `there is no '${wrong}'`);
}

function whole(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(name, `it must be a whole number in ${min} to ${max}`);
}

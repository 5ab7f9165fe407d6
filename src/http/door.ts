/**
 * Owns what is looked at before anything of a request is parsed: sizes, counts, and headers that
 * would mean two things.
 *
 * D1 Two values of a header that decides something are refused: a proxy in front may have obeyed
 *    the other one.
 */
import type { IncomingMessage } from 'node:http';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';

/** Headers that decide who asks, what is meant, or where the body ends (D1). */
const decisive: ReadonlySet<string> = new Set([
  ...['authorization', 'content-encoding', 'content-length', 'content-type', 'cookie'],
  ...['expect', 'host', 'idempotency-key', 'last-event-id', 'origin', 'transfer-encoding'],
]);

/** Why a request is not let in, or null. */
export function refusalAtDoor(incoming: IncomingMessage): HoldfastError | null {
  const { url = '', rawHeaders, httpVersion, headers } = incoming;
  const { httpUrlCharsMax, httpHeadersMax } = limits;
  if (url.length > httpUrlCharsMax) {
    const message = `the URL has ${url.length} characters; ${httpUrlCharsMax} are allowed`;
    return new HoldfastError('http.url_too_long', message);
  }
  if (!url.startsWith('/')) {
    return new HoldfastError('http.malformed', 'the target of the request must be a path');
  }
  if (headers.host === undefined && httpVersion === '1.1') {
    return new HoldfastError('http.malformed', "HTTP/1.1 takes the header 'Host'");
  }
  const count = rawHeaders.length / 2;
  if (count > httpHeadersMax) {
    const message = `the request has ${count} headers; ${httpHeadersMax} are allowed`;
    return new HoldfastError('http.headers_too_large', message);
  }
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    if (!decisive.has(name)) continue;
    if (seen.has(name)) {
      const message = `the header '${name}' was sent twice; send it once`;
      return new HoldfastError('http.duplicate_header', message, { details: { name } });
    }
    seen.add(name);
  }
  return null;
}

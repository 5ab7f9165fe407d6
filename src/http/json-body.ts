/**
 * Owns the way of a body from the socket to a JSON value.
 *
 * B1 Its bytes are counted as they come, its nesting before it is parsed: what is too large or too
 *    deep costs no more than its bound.
 * B2 It has arrived in time or is cut off; a slow sender holds a connection, and nothing else.
 */
import type { IncomingMessage } from 'node:http';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { Clock } from '../ports/clock.ts';

/** What a body may be. */
export interface BodyBounds {
  readonly bytesMax: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** The JSON value of a body; undefined when there is none. */
export async function readJson(incoming: IncomingMessage, bounds: BodyBounds): Promise<unknown> {
  const { headers } = incoming;
  const told = Number(headers['content-length'] ?? 0);
  if (told === 0 && headers['transfer-encoding'] === undefined) return undefined;
  checkType(headers['content-type'], headers['content-encoding']);
  if (told > bounds.bytesMax) throw tooLarge(bounds.bytesMax);
  const bytes = await readAll(incoming, bounds);
  if (bytes.length === 0) return undefined;
  const text = textOf(bytes);
  checkDepth(text, limits.httpJsonDepthMax);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new HoldfastError('http.not_json', 'the body is no JSON text');
  }
}

function checkType(type: string | undefined, encoding: string | undefined): void {
  const [media = '', ...parameters] = (type ?? '').toLowerCase().split(';');
  const charset = parameters.find((one) => one.trim().startsWith('charset='))?.split('=')[1];
  const utf8 = charset === undefined || /^"?utf-?8"?$/.test(charset.trim());
  const plain = encoding === undefined || encoding.toLowerCase() === 'identity';
  if (media.trim() === 'application/json' && utf8 && plain) return;
  const message = 'send the body as application/json in UTF-8, without content-encoding';
  throw new HoldfastError('http.media_type', message);
}

const tooLarge = (bytesMax: number): HoldfastError =>
  new HoldfastError('payload.too_large', `the body takes more than ${bytesMax} bytes`, {
    details: { bytesMax },
  });

/** B1, B2 */
function readAll(incoming: IncomingMessage, bounds: BodyBounds): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = bounds.clock.after(bounds.timeoutMs, () => {
    const message = `the body did not arrive within ${bounds.timeoutMs} ms; nothing was done`;
    reject(new HoldfastError('http.timeout', message));
  });
  const gone = (): void => {
    reject(new HoldfastError('http.malformed', 'the connection ended within the body'));
  };
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > bounds.bytesMax) reject(tooLarge(bounds.bytesMax));
    else chunks.push(chunk);
  };
  const end = (): void => resolve(Buffer.concat(chunks));
  incoming.on('data', take).once('end', end).once('error', gone).once('close', gone);
  return promise.finally(() => {
    timer.cancel();
    incoming.off('data', take).off('end', end).off('error', gone).off('close', gone);
    // What still comes is thrown away, and an error of the connection is nobody's any more.
    incoming.on('error', () => {});
    incoming.resume();
  });
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw new HoldfastError('http.not_json', 'the body is not UTF-8');
  }
}

const quote = 0x22;
const backslash = 0x5c;

/** Refuses JSON text that nests deeper than allowed, in one walk and without a stack. */
function checkDepth(text: string, depthMax: number): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === backslash) at += 1;
      else if (code === quote) inString = false;
    } else if (code === quote) inString = true;
    else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > depthMax) {
        const message = `the JSON of the body nests deeper than ${depthMax}`;
        throw new HoldfastError('http.too_deep', message, { details: { depthMax } });
      }
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
}

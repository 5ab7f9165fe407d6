/**
 * Owns what pages of other origins may do: nothing, unless their origin was named.
 *
 * C1 An origin that was not named gets no header at all: its browser then keeps the answer to
 *    itself, and never sends what would change something.
 */
import type { Context } from 'hono';
import type { HttpSettings } from './options.ts';

type Settings = Pick<HttpSettings, 'corsOrigins'>;

const maxAgeSeconds = 600;
const allowedHeaders = 'authorization, content-type, idempotency-key, last-event-id, traceparent';
const exposedHeaders = 'location, retry-after, x-request-id';

/** The origin of a request, if pages of it may call. */
function allowedOrigin(c: Context, { corsOrigins }: Settings): string | null {
  const origin = c.req.header('origin');
  return origin !== undefined && corsOrigins.has(origin) ? origin : null;
}

/** What goes with every answer. */
export function corsHeaders(
  c: Context,
  settings: Settings,
): readonly (readonly [string, string])[] {
  if (settings.corsOrigins.size === 0) return [];
  const origin = allowedOrigin(c, settings);
  if (origin === null) return [['vary', 'origin']];
  return [
    ['vary', 'origin'],
    ['access-control-allow-origin', origin],
    ['access-control-expose-headers', exposedHeaders],
  ];
}

/** The answer to a browser that asks whether it may ask; null if it is no such question. */
export function preflight(
  c: Context,
  settings: Settings,
  methods: readonly string[],
): Response | null {
  if (c.req.method !== 'OPTIONS' || allowedOrigin(c, settings) === null) return null;
  if (c.req.header('access-control-request-method') === undefined) return null;
  const headers = new Headers([
    ...corsHeaders(c, settings).map(([name, value]): [string, string] => [name, value]),
    ['access-control-allow-methods', methods.join(', ')],
    ['access-control-allow-headers', allowedHeaders],
    ['access-control-max-age', String(maxAgeSeconds)],
  ]);
  return new Response(null, { status: 204, headers });
}

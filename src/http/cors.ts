/**
 * Owns what pages of other origins may do: nothing, unless their origin was named.
 *
 * C1 An origin that was not named gets no header at all: its browser then keeps the answer to
 *    itself. What it sends without asking (a POST without a body) is refused where no key stands in
 *    its way; see `KeyRing`.
 */
import type { Context } from 'hono';
import type { HttpSettings } from './options.ts';

type Settings = Pick<HttpSettings, 'corsOrigins'>;

const maxAgeSeconds = 600;
const allowedHeaders = 'authorization, content-type, idempotency-key, last-event-id, traceparent';
const exposedHeaders = 'location, retry-after, x-request-id';

/** The origin of a request, if pages of it may call. */
function allowedOrigin(origin: string | undefined, { corsOrigins }: Settings): string | null {
  return origin !== undefined && corsOrigins.has(origin) ? origin : null;
}

/**
 * What goes with every answer to a page of that origin, refusals at the door as well: they say what
 * may be sent again.
 */
export function corsHeaders(
  given: string | undefined,
  settings: Settings,
): readonly (readonly [string, string])[] {
  if (settings.corsOrigins.size === 0) return [];
  const origin = allowedOrigin(given, settings);
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
  const origin = c.req.header('origin');
  if (c.req.method !== 'OPTIONS' || allowedOrigin(origin, settings) === null) return null;
  if (c.req.header('access-control-request-method') === undefined) return null;
  const headers = new Headers([
    ...corsHeaders(origin, settings).map(([name, value]): [string, string] => [name, value]),
    ['access-control-allow-methods', methods.join(', ')],
    ['access-control-allow-headers', allowedHeaders],
    ['access-control-max-age', String(maxAgeSeconds)],
  ]);
  return new Response(null, { status: 204, headers });
}

/**
 * Owns the words in which a trace is carried: the header `traceparent` of W3C Trace Context.
 *
 * P1 Only what is well-formed is carried on; whatever a later version adds is left behind.
 */

/** The parts of a `traceparent`. */
export interface TraceParts {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
}

const form = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const nothing = /^0+$/;

/** The parts, or null if it is none. */
export function traceParts(text: unknown): TraceParts | null {
  if (typeof text !== 'string' || text.length > 200) return null;
  const [, version = '', traceId = '', spanId = '', flags = '', more] = form.exec(text) ?? [];
  if (version === '' || nothing.test(traceId) || nothing.test(spanId)) return null;
  if (version === '00' && more !== undefined) return null;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

/** The same as text. */
export const traceText = ({ traceId, spanId, flags }: TraceParts): string =>
  `00-${traceId}-${spanId}-${(flags & 1).toString(16).padStart(2, '0')}`;

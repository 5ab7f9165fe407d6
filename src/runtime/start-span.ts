/**
 * Owns the spans of those who start runs.
 *
 * S1 The run carries the span of its start; without one, what the caller gave as `traceparent`.
 * S2 A wrong option makes no span: the start itself refuses it.
 */
import { HoldfastError } from '../core/errors.ts';
import { traceParts } from '../core/traceparent.ts';
import type { World } from '../engine/world.ts';
import type { Span } from '../ports/tracing.ts';

/** A span for the start of runs of a function, or null where nobody records. */
export function beginStart(
  { tracing }: World,
  fn: string,
  options: { readonly traceparent?: string | undefined },
  attributes: Readonly<Record<string, string | number>> = {},
): Span | null {
  if (tracing === undefined || !tracing.on) return null;
  if (typeof options !== 'object' || options === null) return null;
  const { traceparent } = options;
  if (traceparent !== undefined && traceParts(traceparent) === null) return null;
  return tracing.begin({
    ...{ name: `start ${fn}`, kind: 'producer' },
    attributes: { 'holdfast.function': fn, ...attributes },
    ...(traceparent === undefined ? {} : { parent: traceparent }),
  });
}

/** Ends a span with what was thrown. */
export function endThrown(span: Span | null, thrown: unknown): void {
  if (span === null) return;
  const code = thrown instanceof HoldfastError ? thrown.code : 'internal.defect';
  span.end({ code, message: thrown instanceof Error ? thrown.message : String(thrown) });
}

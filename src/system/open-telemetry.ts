/**
 * Owns the way of spans to OpenTelemetry: to the SDK that the program registered, if it did.
 *
 * O1 Only its API is asked. Without an SDK it makes nothing, and neither do we.
 */
import {
  type Context,
  context,
  isSpanContextValid,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { traceParts, traceText } from '../core/traceparent.ts';
import type { Span, SpanFacts, Tracing } from '../ports/tracing.ts';

const kinds = {
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  server: SpanKind.SERVER,
  internal: SpanKind.INTERNAL,
} as const;

const nobody = new ProxyTracerProvider().getDelegate();

/** O1. A provider of another copy of the API is somebody. */
function isOn(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== nobody;
}

/** Spans of the program's own SDK. */
export function openTelemetry(): Tracing {
  // It stands for the SDK's own from the moment on at which one is registered.
  const tracer = trace.getTracer('holdfast');
  return {
    get on() {
      return isOn();
    },
    begin({ name, kind, parent, attributes }) {
      if (!isOn()) return null;
      const below = parent === undefined ? context.active() : contextOf(parent);
      const span = tracer.startSpan(name, { kind: kinds[kind], attributes }, below);
      const own = span.spanContext();
      const parts = { traceId: own.traceId, spanId: own.spanId, flags: own.traceFlags };
      if (!isSpanContextValid(own) || own.spanId === trace.getSpanContext(below)?.spanId)
        return null;
      const inside = trace.setSpan(below, span);
      return {
        trace: traceText(parts),
        within: (work) => context.with(inside, work),
        set: (attribute, value) => void span.setAttribute(attribute, value),
        end(error) {
          if (error !== null) {
            span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
            span.setAttribute('error.type', error.code);
          }
          span.end();
        },
      } satisfies Span;
    },
  };
}

function contextOf(parent: NonNullable<SpanFacts['parent']> | null): Context {
  const parts = parent === null ? null : traceParts(parent);
  if (parts === null) return ROOT_CONTEXT;
  const { traceId, spanId, flags } = parts;
  return trace.setSpanContext(ROOT_CONTEXT, {
    ...{ traceId, spanId, traceFlags: flags, isRemote: true },
  });
}

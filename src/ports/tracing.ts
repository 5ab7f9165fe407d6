/**
 * Owns the port to traces: what was done when, for whom, across processes.
 *
 * T1 A trace is a by-product: nothing here throws, and nothing is decided by it.
 * T2 Where nobody records there is no span, and whoever would have one does nothing more.
 */
import type { ErrorDetail } from '../core/outcome.ts';

/** What is about to be done. */
export interface SpanFacts {
  readonly name: string;
  readonly kind: 'producer' | 'consumer' | 'server' | 'internal';
  /** The `traceparent` that it belongs below; null: below nothing; left out: what is active. */
  readonly parent?: string | null;
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** Something that is being done. */
export interface Span {
  /** Names it for others, as a `traceparent` of W3C. */
  readonly trace: string;
  /** Calls `work` so that the spans that it makes stand below this one. */
  within<T>(work: () => T): T;
  set(attribute: string, value: string | number): void;
  /** It is done, or has failed. */
  end(error: ErrorDetail | null): void;
}

/** Whoever records spans. */
export interface Tracing {
  /** Whether anybody records at all. False: `begin` gives null, and need not be asked. */
  readonly on: boolean;
  /** T2 */
  begin(facts: SpanFacts): Span | null;
}

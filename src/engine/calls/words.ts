/**
 * Owns what a handler gets beside its input because it is called, and not run.
 */

/** What came with a call. On stdio it is what the agent sent; elsewhere most of it is empty. */
export interface CallFacts {
  readonly id: string;
  /** Words behind the name. */
  readonly args: readonly string[];
  /** The prefix by which it was routed, or null. */
  readonly prefix: string | null;
  /** Bits of access that the caller has; null: nobody said. */
  readonly access: number | null;
  /** Who asks, as the agent says it. */
  readonly source: string;
  readonly contentType: string | null;
  /** The body, byte for byte. */
  readonly body: Uint8Array | null;
  /** What the resolvers of this runtime found out about the caller. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** The answer of a call whose handler does not wait for it. */
export interface Later<Output = unknown> {
  /** Gives the result. False: the call has its answer already; this one is dropped and counted. */
  succeed(value: Output): boolean;
  fail(error: unknown): boolean;
}

/** What the context of a handler has for calls. */
export interface CallPart {
  /** What came with the call; null in a run. */
  readonly call: CallFacts | null;
  /**
   * Promises the answer for later: what the handler returns does not count any more, and the call
   * is over when the answer is given, or its time. In a run it throws `call.only`.
   *
   * @example
   * const later = ctx.later();
   * queue.push({ order, done: (parcel) => later.succeed(parcel) });
   */
  later<Output = unknown>(): Later<Output>;
}

/** Nobody came with anything. */
export const noFacts: Omit<CallFacts, 'id' | 'prefix'> = {
  args: [],
  access: null,
  source: '',
  contentType: null,
  body: null,
  values: {},
};

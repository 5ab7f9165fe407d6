/**
 * Owns how long something is waited for: until the caller gives up, or nothing was heard for too
 * long.
 */
import { webAfter } from '../system/web.ts';

/** The end of one request or stream, from outside. */
export class Patience {
  readonly #stop = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#stop.abort(this.#caller?.reason);
  #cancel = (): void => {};

  constructor(caller: AbortSignal | undefined) {
    this.#caller = caller;
    if (caller?.aborted) this.#onAbort();
    else caller?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** From now on, so many ms. */
  allow(ms: number): void {
    this.#cancel();
    this.#cancel = webAfter(ms, () => this.#stop.abort(new Error(`nothing came for ${ms} ms`)));
  }

  /** Nothing is waited for at the moment. */
  rest(): void {
    this.#cancel();
  }

  /** It is over, and so is whatever goes on still. */
  end(): void {
    this.#cancel();
    this.#caller?.removeEventListener('abort', this.#onAbort);
    this.#stop.abort();
  }
}

/** Resolves after so many ms; rejects with the signal's reason. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(signal?.reason);
  const cancel = webAfter(ms, resolve);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  return promise.finally(() => {
    cancel();
    signal?.removeEventListener('abort', onAbort);
  });
}

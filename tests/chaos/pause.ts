/**
 * Owns the passing of time in a chaos run. Elsewhere tests wait for facts; here time is the matter:
 * how long a handler works, how long an outage lasts, how often somebody asks.
 */

/** Lets so many ms pass, fewer when the signal aborts; never rejects. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  const passed = Promise.withResolvers<void>();
  const over = (): void => passed.resolve();
  const timer = setTimeout(over, ms);
  signal?.addEventListener('abort', over, { once: true });
  await passed.promise;
  clearTimeout(timer);
  signal?.removeEventListener('abort', over);
}

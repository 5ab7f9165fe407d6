/**
 * Owns the repetition of a verb that changes a bounded number of rows at a time, until it is done.
 *
 * S1 Each step is a call of its own, so that others get at the store in between.
 */
import type { Waking } from '../../ports/store.ts';

/** Asks again for as long as there is more to do. */
export async function inSteps(
  step: () => Promise<Waking<{ readonly more: boolean }>>,
): Promise<Waking<void>> {
  let woken = { ready: false, stop: false, done: false };
  for (;;) {
    const { reply, woken: now } = await step();
    woken = {
      ready: woken.ready || now.ready,
      stop: woken.stop || now.stop,
      done: woken.done || now.done,
    };
    if (!reply.more) return { reply: undefined, woken };
  }
}

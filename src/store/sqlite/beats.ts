/**
 * Owns the heartbeats of the nodes of this process, on the writer's thread: a busy event loop of
 * the main thread does not delay them.
 *
 * B1 A beat is a call like any other and shares the transaction of the calls that wait with it.
 * B2 The time at which a beat was *started* is written to shared memory after its commit, so that
 *    the main thread knows it before it comes to read its messages.
 * B3 A refused beat ends the keeping, once and for good.
 */
import { monoPlus } from '../../core/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Beat } from '../../ports/store-nodes.ts';
import type { Waiting } from './group.ts';
import type { Order, Word } from './messages.ts';

/** After a beat that failed (the store was held, the disk was full) the next one comes sooner. */
const retryMsMax = 500;

/** The keepers of this process. */
export interface Beats {
  keep(order: Extract<Order, { order: 'keep' }>): void;
  drop(keeper: number): void;
  dropAll(): void;
}

/** Makes the keeping; `submit` hands a call to the writer's queue. */
export function openBeats(
  clock: Clock,
  patienceMs: number,
  submit: (call: Waiting) => void,
  say: (word: Word) => void,
): Beats {
  const timers = new Map<number, Timer | null>();
  const keep = (order: Extract<Order, { order: 'keep' }>): void => {
    const { keeper, node, everyMs, renewed } = order;
    const shared = new BigInt64Array(renewed);
    const again = (delayMs: number): void => {
      if (timers.has(keeper)) timers.set(keeper, clock.after(delayMs, beat));
    };
    const beat = (): void => {
      const startedAt = clock.mono();
      submit({
        verb: 'beat',
        args: [node],
        givesUpAt: monoPlus(startedAt, patienceMs),
        failed: () => again(Math.min(everyMs, retryMsMax)),
        done(value) {
          if (!timers.has(keeper)) return;
          const answer = value as Beat | null;
          if (answer === null) {
            timers.delete(keeper);
            say({ word: 'fenced', keeper });
            return;
          }
          Atomics.store(shared, 0, BigInt(Math.floor(startedAt * 1e6)));
          say({ word: 'beat', keeper, beat: answer });
          again(Math.max(0, everyMs - (clock.mono() - startedAt)));
        },
      });
    };
    timers.set(keeper, null);
    beat();
  };
  const drop = (keeper: number): void => {
    timers.get(keeper)?.cancel();
    timers.delete(keeper);
  };
  return {
    keep,
    drop,
    dropAll() {
      for (const keeper of [...timers.keys()]) drop(keeper);
    },
  };
}

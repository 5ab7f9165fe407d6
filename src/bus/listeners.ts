/**
 * Owns who listens to which topic within one bus, and the coalescing of their wake-ups.
 *
 * B1 Many wake-ups of a topic in one turn of the event loop are one call of each listener.
 * B2 A listener is never called from inside `wake`, so that publishing cannot re-enter its caller.
 * B3 A listener that throws is reported and keeps nobody else from being called.
 */
import type { BusTopic, Unsubscribe } from '../ports/bus.ts';
import type { Log } from '../ports/log.ts';

/** Runs a callback soon, outside of the current call. */
export type Defer = (callback: () => void) => void;

/** In the next turn. Unreferenced, it would wait until something else wakes the event loop up. */
export const nextTurn: Defer = (callback) => {
  setImmediate(callback);
};

/** The listeners of one bus. */
export class Listeners {
  readonly #byTopic = new Map<BusTopic, Set<{ readonly call: () => void }>>();
  readonly #woken = new Set<BusTopic>();
  readonly #defer: Defer;
  readonly #log: Log;

  constructor(log: Log, defer: Defer) {
    this.#log = log;
    this.#defer = defer;
  }

  /** Adds a listener; the same function twice is called twice. */
  add(topic: BusTopic, call: () => void): Unsubscribe {
    const listener = { call };
    const listeners = this.#byTopic.get(topic) ?? new Set();
    this.#byTopic.set(topic, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  has(topic: BusTopic): boolean {
    return (this.#byTopic.get(topic)?.size ?? 0) > 0;
  }

  /** Calls every listener of the topic once, soon. */
  wake(topic: BusTopic): void {
    if (!this.has(topic) || this.#woken.has(topic)) return;
    this.#woken.add(topic);
    this.#defer(() => {
      this.#woken.delete(topic);
      for (const listener of [...(this.#byTopic.get(topic) ?? [])]) {
        if (this.#byTopic.get(topic)?.has(listener)) this.#call(topic, listener.call);
      }
    });
  }

  clear(): void {
    for (const listeners of this.#byTopic.values()) listeners.clear();
  }

  #call(topic: BusTopic, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#log.log('error', 'a wake-up listener threw', { topic, error: String(error) });
    }
  }
}

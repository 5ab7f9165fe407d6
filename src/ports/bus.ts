/**
 * Owns the port to wake-ups between processes.
 *
 * U1 A wake-up is a hint: it carries no truth, may be lost, doubled or late. Whoever gets it reads
 *    the store. Polling is the backstop.
 * U2 It is sent after the commit that it speaks of, never inside.
 */

/**
 * What may have changed: `ready` runs became eligible; `stop` an owner is asked to stop; `done`
 * outcomes were written, or signals answered; `nodes` a node joined or left; `parts` a running run
 * made more of them.
 */
export const busTopics = ['ready', 'stop', 'done', 'nodes', 'parts'] as const;

/** One of the five things a wake-up can speak of. */
export type BusTopic = (typeof busTopics)[number];

/** Ends a subscription. Calling it twice does nothing. */
export type Unsubscribe = () => void;

/** Wake-ups to and from every process on the same store, this one included. */
export interface Bus {
  /**
   * Says that something changed. Never throws, never waits; many calls in a moment are one wake-up.
   */
  publish(topic: BusTopic): void;
  /** Calls back for wake-ups, also for those of this process. */
  subscribe(topic: BusTopic, listener: () => void): Unsubscribe;
  close(): Promise<void>;
}

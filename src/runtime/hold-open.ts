/**
 * Owns the life of the process while a runtime has something to do: timers of the clock do not keep
 * it alive, so that a runtime that nobody needs any more does not either.
 */
import { MessageChannel } from 'node:worker_threads';

/** Keeps the process alive while at least one hold is not released. */
export class HoldOpen {
  #holds = 0;
  #release: (() => void) | null = null;

  /** Begins to hold; the returned function ends it. */
  hold(): () => void {
    this.#holds += 1;
    this.#release ??= listening();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holds -= 1;
      if (this.#holds > 0) return;
      this.#release?.();
      this.#release = null;
    };
  }
}

/** A port that is listened to keeps the event loop going at no cost. */
function listening(): () => void {
  const { port1 } = new MessageChannel();
  port1.on('message', () => {});
  return () => port1.close();
}

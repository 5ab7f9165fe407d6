/**
 * Owns how long a stream stays open for a key that was revoked.
 *
 * G1 Whoever would not be let in any more is told so within `lookMs` and the age of what is known
 *    of keys, however long the run goes on. If keys cannot be read, nothing of the store is sent
 *    either: the next look decides.
 */
import type { Clock } from '../ports/clock.ts';

const lookMs = 1_000;

/** What is looked after. */
export interface Guarded {
  readonly clock: Clock;
  /** Whether whoever reads would be let in still. */
  readonly allowed: () => Promise<boolean>;
  readonly revoked: () => void;
}

/** Looks again and again; the answer ends it. */
export function guardStream({ clock, allowed, revoked }: Guarded): () => void {
  let over = false;
  const look = (): void => {
    if (over) return;
    allowed().then((may) => {
      if (may) later();
      else if (!over) revoked();
    }, later);
  };
  let timer = clock.after(lookMs, look);
  const later = (): void => {
    if (!over) timer = clock.after(lookMs, look);
  };
  return () => {
    over = true;
    timer.cancel();
  };
}

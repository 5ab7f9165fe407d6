/**
 * Owns going on with what is there now or later: what is there now costs no turn.
 */
import type { Soon } from '../../ports/cipher.ts';

/** Goes on with a value, at once where it is there. */
export const go = <T, R>(value: Soon<T>, next: (value: T) => Soon<R>): Soon<R> =>
  value instanceof Promise ? value.then(next) : next(value);

/** All of them, at once where all are there. */
export function all<T, R>(items: readonly T[], each: (item: T) => Soon<R>): Soon<readonly R[]> {
  const made = items.map(each);
  const late = made.some((one) => one instanceof Promise);
  return late ? Promise.all(made) : (made as R[]);
}

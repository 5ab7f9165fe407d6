/**
 * Owns how the steps of a run are named: the same code gives the same keys in every attempt.
 *
 * N1 A key is `kind/name`, and from the second use of both in one attempt on `kind/name#2`, `#3`.
 * N2 No two uses have one key: a name that ends like the mark of a later use is refused.
 */
import { checkKey } from '../check.ts';
import { HoldfastError } from '../errors.ts';
import { limits } from '../limits.ts';

const laterUse = /#\d+$/;

/** The step that starts children of a group, and the wait for all of them. Stored format. */
export interface ChildKeys {
  readonly start: string;
  readonly wait: string;
}

const waitPrefix = 'child/';

/** The keys of a group of children. */
export const childKeys = (group: string): ChildKeys => ({
  start: `start/${group}`,
  wait: `${waitPrefix}${group}`,
});

/** The group that a wait of kind `child` is for. */
export const groupOfWait = (key: string): string => key.slice(waitPrefix.length);

/** What all uses of one name have in common: the key of the first. */
export const firstUse = (key: string): string => key.replace(laterUse, '');

/** Gives keys to what the code of one attempt asks for. */
export class Keys {
  readonly #uses = new Map<string, number>();

  /**
   * The key of the next use.
   *
   * @example
   * const keys = new Keys();
   * keys.next('step', 'charge'); // => 'step/charge'
   * keys.next('step', 'charge'); // => 'step/charge#2'
   */
  next(kind: string, name: string): string {
    const first = `${kind}/${name}`;
    const use = (this.#uses.get(first) ?? 0) + 1;
    this.#uses.set(first, use);
    return use === 1 ? first : `${first}#${use}`;
  }
}

/** A name that somebody gave to a step. Throws `key.invalid`. */
export function checkStepName(what: string, value: unknown): string {
  const name = checkKey(what, value, limits.keyCharsMax);
  if (!laterUse.test(name)) return name;
  const message = `${what} ends in '#' and a number, which marks the later uses of a name`;
  throw new HoldfastError('key.invalid', message, { details: { name: what } });
}

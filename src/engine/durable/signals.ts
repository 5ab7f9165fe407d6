/**
 * Owns what a handler is given of a signal: the names that it may wait for, and the two ways to
 * answer it.
 *
 * S1 A signal is answered once: a second answer of the same code is a mistake of its author. Later
 *    attempts say again what was said, and get what is kept.
 */
import { checkKey, invalid, nearest } from '../../core/check.ts';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { WallMs } from '../../core/time.ts';
import type { Signal } from './words.ts';

/** A signal as it ends a wait. Stored format. */
export interface KeptSignal {
  readonly n: number;
  readonly id: string;
  readonly name: string;
  readonly at: WallMs;
  readonly data: unknown;
}

/** What was said about a signal. Stored format. */
export type Said =
  | { readonly state: 'accepted'; readonly value: unknown }
  | { readonly state: 'refused'; readonly reason: string };

/** The names that a wait is for; each must be one that the function takes. */
export function signalNames(
  given: string | readonly string[],
  taken: ReadonlyMap<string, unknown>,
  fn: string,
): readonly string[] {
  const names = typeof given === 'string' ? [given] : given;
  const { signalNamesMax } = limits;
  if (!Array.isArray(names) || names.length === 0 || names.length > signalNamesMax) {
    throw invalid('the names of signals', given, `give a name, or 1 to ${signalNamesMax} of them`);
  }
  for (const name of names) {
    checkKey('the name of a signal', name, limits.keyCharsMax);
    if (!taken.has(name)) throw unknownSignal(fn, name, [...taken.keys()]);
  }
  return names;
}

/** The error of a name that a function does not take. */
export function unknownSignal(fn: string, name: string, taken: readonly string[]): HoldfastError {
  const near = nearest(name, taken);
  const hint =
    near === null
      ? 'declare it in the definition: signals: { name: schema or null }'
      : `did you mean '${near}'?`;
  return new HoldfastError('signal.unknown', `'${fn}' takes no signal '${name}'; ${hint}`, {
    details: { fn, name, ...(near === null ? {} : { near }) },
  });
}

/** Both ways to answer. `say` keeps what was said. */
export function answering(
  say: (said: Said, what: string) => Promise<void>,
): Pick<Signal, 'accept' | 'refuse'> {
  let answered = false;
  const once = async (said: Said, what: string): Promise<void> => {
    if (answered) {
      throw new HoldfastError('request.invalid', `${what}: the signal was answered before`);
    }
    answered = true;
    try {
      await say(said, what);
    } catch (error) {
      // Nothing was said: it may be said better.
      answered = false;
      throw error;
    }
  };
  return {
    accept: (value: unknown = null) => once({ state: 'accepted', value }, 'accept'),
    refuse: (reason: string) => once({ state: 'refused', reason: String(reason) }, 'refuse'),
  };
}

/**
 * Owns what stands around every call: interceptors, in their order, and the resolvers of what is
 * known of a caller.
 *
 * I1 Of two interceptors the one with the smaller order is outside. A call goes through those that
 *    were there when it began, whatever is added or taken away meanwhile.
 * I2 Resolvers are asked at one place, before a call is admitted. One that throws, or answers with
 *    anything but an object, refuses the call: nothing is executed without what it has to add.
 */
import { checkKey, checkNumber, invalid } from '../../core/check.ts';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';

/** A call as interceptors and resolvers see it. */
export interface AskedCall {
  readonly fn: string;
  readonly input: unknown;
  readonly id: string | null;
  readonly args: readonly string[];
  readonly access: number | null;
  readonly source: string;
  /** What resolvers found out; empty while they are asked. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** Something around calls. */
export interface Interceptor {
  readonly name: string;
  /** The smaller, the further outside. Default 0. */
  readonly order?: number;
  /** Gives the result of the call, by calling `next` once, or instead of it. */
  readonly around: (call: AskedCall, next: () => unknown) => unknown;
}

/** Finds out something about a caller. */
export interface Resolver {
  readonly name: string;
  readonly resolve: (call: AskedCall) => Readonly<Record<string, unknown>>;
}

const orderMax = 1_000_000;

/** The interceptors of one runtime. */
export class Interceptors {
  #chain: readonly Interceptor[] = [];

  /** Those that are there now, outermost first; never changes. */
  get chain(): readonly Interceptor[] {
    return this.#chain;
  }

  /** Adds one; gives what takes it away. Throws `request.invalid` for a name that is taken. */
  add(one: Interceptor): () => void {
    checkKey('the name of an interceptor', one.name, limits.keyCharsMax);
    if (one.order !== undefined) checkNumber('order', one.order, -orderMax, orderMax);
    if (typeof one.around !== 'function') {
      throw invalid(`around of '${one.name}'`, one.around, 'it must be a function');
    }
    if (this.#chain.some(({ name }) => name === one.name)) {
      throw invalid('the name of an interceptor', one.name, 'another one has it');
    }
    const sorted = [...this.#chain, one];
    this.#chain = sorted.sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
    return () => {
      this.#chain = this.#chain.filter((other) => other !== one);
    };
  }
}

/** Calls `work` inside of all of them. */
export function callThrough(
  chain: readonly Interceptor[],
  call: AskedCall,
  work: () => unknown,
): unknown {
  const from = (at: number): unknown => {
    const one = chain[at];
    if (one === undefined) return work();
    let called = false;
    return one.around(call, () => {
      if (called) throw invalid('next', one.name, 'an interceptor may call it once');
      called = true;
      return from(at + 1);
    });
  };
  return from(0);
}

/** What all resolvers found out (I2); throws `call.refused`, or a HoldfastError of their own. */
export function resolveValues(
  resolvers: readonly Resolver[],
  call: AskedCall,
): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = {};
  for (const { name, resolve } of resolvers) {
    let plain: boolean;
    try {
      const found: unknown = resolve(call);
      plain = isPlain(found);
      if (plain) Object.assign(values, found);
    } catch (cause) {
      if (cause instanceof HoldfastError) throw cause;
      throw refused(name, 'failed', cause);
    }
    if (!plain) throw refused(name, 'gave no object', undefined);
  }
  return values;
}

const isPlain = (found: unknown): boolean =>
  typeof found === 'object' && found !== null && !Array.isArray(found) && !('then' in found);

const refused = (name: string, why: string, cause: unknown): HoldfastError =>
  new HoldfastError('call.refused', `the resolver '${name}' ${why}; nothing was executed`, {
    details: { resolver: name },
    cause,
  });

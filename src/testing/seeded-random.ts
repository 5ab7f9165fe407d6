/**
 * Owns chance that a seed replays: the generator xoshiro128** (Blackman and Vigna 2018), its state
 * drawn from the seed by splitmix32.
 *
 * X1 The same seed gives the same numbers on every machine and in every version: seeds are
 *    published.
 * X2 It is for tests. It is not for secrets.
 */
import type { Random } from '../ports/random.ts';

/** Chance from a seed, with the drawings that tests need. */
export interface SeededRandom extends Random {
  /** A whole number in [0, below). */
  int(below: number): number;
  /** A whole number in [from, to], both included. */
  between(from: number, to: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** One of the items, which must not be empty. */
  pick<T>(items: readonly T[]): T;
  /** A copy in a drawn order. */
  shuffle<T>(items: readonly T[]): T[];
  /** Independent chance: what is drawn from it does not move this one further than the fork did. */
  fork(): SeededRandom;
}

type State = [number, number, number, number];

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** One step of xoshiro128**: changes the state and gives 32 bits. */
export function xoshiro(state: State): number {
  const drawn = Math.imul(rotate(Math.imul(state[1], 5), 7), 9) >>> 0;
  const shifted = state[1] << 9;
  state[2] ^= state[0];
  state[3] ^= state[1];
  state[1] ^= state[2];
  state[0] ^= state[3];
  state[2] ^= shifted;
  state[3] = rotate(state[3], 11);
  return drawn;
}

/** Four words from one seed, never all zero. Seeds up to 2^53 are all different. */
function stateOf(seed: number): State {
  let walk = (seed % 0x1_0000_0000) ^ Math.imul(Math.floor(seed / 0x1_0000_0000), 0x9e37_79b1);
  const word = (): number => {
    walk = (walk + 0x9e37_79b9) | 0;
    let mixed = walk ^ (walk >>> 16);
    mixed = Math.imul(mixed, 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  return [word(), word(), word(), word()];
}

/**
 * Chance that `seed` replays.
 *
 * @example
 * const random = seededRandom(42);
 * const again = seededRandom(42);
 * random.next() === again.next(); // => true
 */
export function seededRandom(seed: number): SeededRandom {
  const state = stateOf(Math.abs(Math.trunc(seed)));
  let ids = 0;
  const next = (): number =>
    (xoshiro(state) * 0x20_0000 + (xoshiro(state) >>> 11)) / 0x20_0000_0000_0000;
  const random: SeededRandom = {
    next,
    id: () => {
      ids += 1;
      return idOf(ids, xoshiro(state), xoshiro(state));
    },
    int: (below) => Math.floor(next() * below),
    between: (from, to) => from + Math.floor(next() * (to - from + 1)),
    chance: (probability) => next() < probability,
    pick: <T>(items: readonly T[]): T => {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new RangeError('nothing to pick from');
      return item;
    },
    shuffle: (items) => {
      const left = [...items];
      const drawn: typeof left = [];
      while (left.length > 0) drawn.push(...left.splice(Math.floor(next() * left.length), 1));
      return drawn;
    },
    fork: () => seededRandom(xoshiro(state) * 0x10_0000 + (xoshiro(state) >>> 12)),
  };
  return random;
}

/**
 * In the shape of a UUID version 7: the count stands where time does, so that ids sort by making.
 */
function idOf(count: number, high: number, low: number): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
  const time = hex(count, 12);
  const tail = hex(high, 8) + hex(low, 8);
  const variant = hex(0x8 | ((high >>> 12) & 0x3), 1);
  const parts = [time.slice(0, 8), time.slice(8), `7${tail.slice(0, 3)}`];
  return [...parts, `${variant}${tail.slice(4, 7)}`, tail.slice(4, 16)].join('-');
}

/**
 * Owns real chance: the only place of the product that is not decided by its arguments or its seed.
 */
import { v7 } from 'uuid';
import type { Random } from '../ports/random.ts';

/** Real chance, and ids that sort by the time of making (UUID version 7). */
export function systemRandom(): Random {
  return { next: Math.random, id: () => v7() };
}

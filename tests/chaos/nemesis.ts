/**
 * Owns what goes wrong in a chaos run, and when: kinds of faults dealt from a shuffled deck, so
 * that each of them comes up again and again, whatever the seed.
 *
 * E1 One deck strikes processes and another what is between them and the store; each one fault at a
 *    time, both at once.
 * E2 A fault says how often it took effect. One that was tried and hit nothing has not been tested.
 * E3 When `rage` resolves nothing is struck any more: frozen processes go on, servers are up.
 */
import type { SeededRandom } from '../../src/testing/index.ts';
import type { Pen } from './ledger.ts';
import { pause } from './pause.ts';

/** Where faults are made. */
export interface Battle {
  readonly random: SeededRandom;
  readonly pen: Pen;
  /** Aborts when the time is up: faults that last are ended early then. */
  readonly signal: AbortSignal;
}

/** One kind of fault. */
export interface Fault {
  readonly kind: string;
  /** How often it is in the deck. */
  readonly cards: number;
  /** Strikes, waits, and lets go. How often it took effect. */
  strike(battle: Battle): Promise<number>;
}

/** How often each kind was tried, and took effect. */
export type Tally = Map<string, { tried: number; took: number }>;

/** Between two faults of one deck. */
export interface Rhythm {
  readonly restMsMin: number;
  readonly restMsMax: number;
}

/** Deals one deck until the time is up. */
export async function rage(
  faults: readonly Fault[],
  battle: Battle,
  { restMsMin, restMsMax }: Rhythm,
  tally: Tally,
): Promise<void> {
  const { random, signal } = battle;
  for (const { kind } of faults) tally.set(kind, { tried: 0, took: 0 });
  const deck = faults.flatMap((fault) => Array.from({ length: fault.cards }, () => fault));
  while (!signal.aborted) {
    for (const fault of random.shuffle(deck)) {
      await pause(random.between(restMsMin, restMsMax), signal);
      if (signal.aborted) break;
      const count = tally.get(fault.kind);
      const took = await fault.strike(battle);
      if (count === undefined) continue;
      count.tried += 1;
      count.took += took;
    }
  }
}

/** Kinds that never took effect: with one of these the run has not tested what it says it has. */
export const idleKinds = (tally: Tally): readonly string[] =>
  [...tally].filter(([, { took }]) => took === 0).map(([kind]) => kind);

/**
 * Owns what happens to single messages: calls of the store, and wake-ups.
 */
import type { SeededRandom, StoreFault, WakeUpFault } from '../../src/testing/index.ts';
import type { Link } from './link.ts';
import type { SimWorld } from './sim-world.ts';

/** What happens to one call of a process's store. */
export function storeFault(world: SimWorld, random: SeededRandom): StoreFault | null {
  const { faults, storeFaultShare } = world.scenario;
  if (!world.faultsOn || !random.chance(storeFaultShare)) return null;
  const fault: { delayMs?: number; answerDelayMs?: number; fail?: 'before' | 'after' } = {};
  if (faults.has('store-delay')) {
    fault.delayMs = random.chance(0.1) ? random.between(500, 9_000) : random.between(0, 300);
    fault.answerDelayMs = random.between(0, 300);
  }
  if (faults.has('store-fail') && random.chance(0.5)) fault.fail = 'before';
  if (faults.has('store-lost-answer') && random.chance(0.5)) fault.fail = 'after';
  return fault;
}

/** What happens to one wake-up at one listener. */
export function busFault(
  world: SimWorld,
  random: SeededRandom,
  link: Link | null,
): WakeUpFault | null {
  const { faults, busFaultShare } = world.scenario;
  // The wake-ups of a database come over its connections.
  if (link !== null && !link.open) return [];
  if (!world.faultsOn || !faults.has('bus') || !random.chance(busFaultShare)) return null;
  const copies = random.pick([0, 0, 1, 2, 3]);
  return Array.from({ length: copies }, () => random.between(0, 400));
}

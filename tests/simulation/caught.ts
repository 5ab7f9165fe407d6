/**
 * Owns the proof that a planted fault is seen: worlds are lived through until an auditor complains
 * as expected.
 */
import assert from 'node:assert/strict';
import type { WorldKind } from './kinds.ts';
import { type Scenario, scenarioOf } from './scenario.ts';
import type { WorldOptions } from './sim-world.ts';
import { simulate } from './simulate.ts';

const seedsMax = 500;

/** What is broken, and in which worlds. */
export interface Broken extends Pick<WorldOptions, 'plant' | 'silentLossMs'> {
  readonly kind: WorldKind;
  readonly change: Partial<Scenario>;
}

/** Fails if no world is seen to be broken in the way that is expected. */
export async function caught(
  expected: RegExp,
  { kind, change, ...planted }: Broken,
): Promise<void> {
  const other = new Set<string>();
  for (let seed = 1; seed <= seedsMax; seed += 1) {
    const scenario = { ...scenarioOf(seed, kind), ...change };
    const enough = (one: string): boolean => expected.test(one);
    const { violations } = await simulate(seed, { ...planted, enough }, scenario);
    if (violations.some((one) => expected.test(one))) return;
    for (const one of violations) other.add(one);
  }
  assert.fail(
    `not caught in ${seedsMax} worlds; seen instead: ${[...other].slice(0, 5).join('; ')}`,
  );
}

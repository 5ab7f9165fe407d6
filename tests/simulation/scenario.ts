/**
 * Owns what one seed decides before anything happens: the size of the world and which faults it
 * knows.
 *
 * Swarm testing (Groce and others 2012): each seed turns on a random subset of the faults, because
 * faults that are always on hide what only happens without them.
 */
import { type SeededRandom, seededRandom } from '../../src/testing/index.ts';

/** Everything that can go wrong in the world. */
export const faultKinds = [
  'crash',
  'pause',
  'stall',
  'stuck',
  'drain',
  'bus',
  'store-delay',
  'store-fail',
  'store-lost-answer',
  'wall-jump',
  'blind-process-table',
  'host-crash',
] as const;

/** One of the faults. */
export type FaultKind = (typeof faultKinds)[number];

/** Faults in spite of which everything has to happen in time. */
const unhindering: readonly FaultKind[] = ['crash', 'bus', 'wall-jump'];

/** Faults under which the same requests are made again and again, and nothing else goes wrong. */
const lossy: readonly FaultKind[] = ['bus', 'store-fail', 'store-lost-answer'];

/** What users do beside starting runs. */
export const meddlings = [
  'cancel',
  'pause-lane',
  'pause-function',
  'tenant-terms',
  'retry',
  'look',
] as const;

/** One of those. */
export type Meddling = (typeof meddlings)[number];

export interface LanePlan {
  readonly key: string;
  readonly width: number;
}

export interface TenantPlan {
  readonly tenant: string;
  readonly weight: number;
  readonly runningMax: number | null;
  readonly waitingMax: number | null;
}

/** A world before its first step. */
export interface Scenario {
  readonly seed: number;
  readonly nodes: number;
  readonly slots: number;
  readonly leaseTtlMs: number;
  readonly heartbeatMs: number;
  readonly pollMs: number;
  readonly durability: 'full' | 'relaxed';
  /** How long ended runs are kept, or null for ever. */
  readonly keptMs: number | null;
  readonly faults: ReadonlySet<FaultKind>;
  readonly meddlings: ReadonlySet<Meddling>;
  /** Runs started during the life of the world. */
  readonly runs: number;
  readonly lanes: readonly LanePlan[];
  readonly tenants: readonly TenantPlan[];
  /** How long users and faults act; afterwards the world is left alone. */
  readonly activeMs: number;
  /** After the last fault, how much time everything may take to come to rest. */
  readonly restMsMax: number;
  /** Average time between two faults. */
  readonly faultEveryMs: number;
  /** Share of the store's calls that suffer. */
  readonly storeFaultShare: number;
  /** Share of the wake-ups that suffer. */
  readonly busFaultShare: number;
}

/** The world of a seed. */
export function scenarioOf(seed: number): Scenario {
  const random = seededRandom(seed);
  const leaseTtlMs = random.pick([2_000, 5_000, 15_000]);
  // Promises that name a time hold only where nothing hinders them: some worlds have to be such.
  const some = random.pick([faultKinds, faultKinds, faultKinds, faultKinds, unhindering, lossy]);
  const faults = subset(random, some);
  return {
    seed,
    nodes: random.between(2, 4),
    slots: random.between(1, 5),
    leaseTtlMs,
    heartbeatMs: leaseTtlMs / 5,
    pollMs: random.pick([500, 2_000]),
    durability: random.chance(0.5) ? 'full' : 'relaxed',
    keptMs: random.chance(0.2) ? random.between(2_000, 30_000) : null,
    faults,
    meddlings: subset(random, meddlings),
    runs: random.between(8, 40),
    lanes: Array.from({ length: random.between(1, 4) }, (_, n) => ({
      key: `lane-${n}`,
      width: random.between(1, 3),
    })),
    tenants: Array.from({ length: random.between(1, 3) }, (_, n) => ({
      tenant: `tenant-${n}`,
      weight: random.pick([0.5, 1, 1, 4]),
      runningMax: random.pick([null, null, 1, 2, 3]),
      waitingMax: random.pick([null, null, 5, 12]),
    })),
    activeMs: random.between(10_000, 45_000),
    restMsMax: 3 * 3_600_000,
    faultEveryMs: random.pick([1_500, 4_000, 10_000]),
    storeFaultShare: random.pick([0.01, 0.05, 0.2]),
    busFaultShare: random.pick([0.2, 0.6, 1]),
  };
}

function subset<T>(random: SeededRandom, all: readonly T[]): ReadonlySet<T> {
  const share = random.pick([0, 0.3, 0.6, 1]);
  return new Set(all.filter(() => random.chance(share)));
}

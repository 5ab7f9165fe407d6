/**
 * Owns what one seed decides before anything happens: the size of the world and which faults it
 * knows.
 *
 * Swarm testing (Groce and others 2012): each seed turns on a random subset of the faults, because
 * faults that are always on hide what only happens without them.
 */
import { type SeededRandom, seededRandom } from '../../src/testing/index.ts';
import { type FlowName, flowNames } from './flow-terms.ts';
import type { JudgeRule } from './judge-clock.ts';
import { kindOf, type WorldKind } from './kinds.ts';

/** Everything that can go wrong on one machine. */
export const hostFaults = [
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

/** What goes wrong beside that between machines and a database. */
export const networkFaults = ['cut', 'away', 'failover', 'database-clock'] as const;

/** One of the faults. */
export type FaultKind = (typeof hostFaults)[number] | (typeof networkFaults)[number];

/** Faults in spite of which everything has to happen in time. */
const unhindering: readonly FaultKind[] = ['crash', 'bus', 'wall-jump'];
const unhinderingFar: readonly FaultKind[] = [...unhindering, 'database-clock', 'host-crash'];

/** Outages short enough for everybody to keep the lease, with faults that do not hinder. */
const passing: readonly FaultKind[] = [...unhinderingFar, 'cut', 'away', 'failover', 'failover'];

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
  'tell',
  'signal',
  'dead-letters',
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
  readonly kind: WorldKind;
  /** Machines, and the one that each place for a process is on. */
  readonly hosts: number;
  readonly hostOf: readonly number[];
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
  /** Functions with flow control of which runs are started as well. */
  readonly flows: ReadonlySet<FlowName>;
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
  /** How long a request or an answer is on its way over the network. */
  readonly wayMsMax: number;
  /** How long a caller waits for an answer of the database. */
  readonly patienceMs: number;
  /** How long the network or the database may be away at once. */
  readonly outageMsMax: number;
  /** How much a failover may lose. */
  readonly lostMsMax: number;
  /** What moves the judge's clock of the database. */
  readonly judge: JudgeRule;
  /** Whether numbers of lost transactions are never given out again. */
  readonly epochs: boolean;
}

/** The world of a seed. */
export function scenarioOf(seed: number, kind: WorldKind = kindOf(seed)): Scenario {
  const scenario = hostScenario(seed);
  return kind === 'host' ? scenario : farScenario(scenario, kind);
}

function hostScenario(seed: number): Scenario {
  const random = seededRandom(seed);
  const leaseTtlMs = random.pick([2_000, 5_000, 15_000]);
  // Promises that name a time hold only where nothing hinders them: some worlds have to be such.
  const some = random.pick([hostFaults, hostFaults, hostFaults, hostFaults, unhindering, lossy]);
  const faults = subset(random, some);
  return {
    ...{ seed, kind: 'host', hosts: 1, hostOf: [0, 0, 0, 0] },
    nodes: random.between(2, 4),
    slots: random.between(1, 5),
    leaseTtlMs,
    heartbeatMs: leaseTtlMs / 5,
    pollMs: random.pick([500, 2_000]),
    durability: random.chance(0.5) ? 'full' : 'relaxed',
    keptMs: random.chance(0.2) ? random.between(2_000, 30_000) : null,
    faults,
    meddlings: subset(random, meddlings),
    runs: random.between(8, 32),
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
    flows: subset(random, flowNames),
    ...{
      wayMsMax: 0,
      patienceMs: 0,
      outageMsMax: 0,
      lostMsMax: 0,
      judge: 'own-time',
      epochs: true,
    },
  };
}

/** The same on several machines, with the usual lease. */
function farScenario(base: Scenario, kind: WorldKind): Scenario {
  const random = seededRandom(base.seed + 5_000_000);
  const hosts = random.between(1, 3);
  const all: readonly FaultKind[] = [...hostFaults, ...networkFaults];
  const some = random.pick([all, all, all, networkFaults, unhinderingFar, passing]);
  const leaseTtlMs = 15_000;
  return {
    ...base,
    ...{ kind, hosts, leaseTtlMs, heartbeatMs: leaseTtlMs / 5, pollMs: 2_000, durability: 'full' },
    hostOf: base.hostOf.map(() => random.int(hosts)),
    faults: subset(random, some),
    activeMs: random.between(20_000, 60_000),
    wayMsMax: random.pick([0, 3, 40]),
    patienceMs: random.pick([1_500, 5_000]),
    outageMsMax: some === passing ? 3_000 : random.pick([6_000, 50_000]),
    lostMsMax: random.pick([300, 3_000]),
  };
}

function subset<T>(random: SeededRandom, all: readonly T[]): ReadonlySet<T> {
  const share = random.pick([0, 0.3, 0.6, 1]);
  return new Set(all.filter(() => random.chance(share)));
}

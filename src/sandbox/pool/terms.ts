/**
 * Owns what may be said of a pool, and what it is when nothing is said.
 *
 * T1 Without a kind: `workers` means static, anything else means lazy.
 * T2 Every pool has a bound on its VMs, on who waits for them, and on how long.
 */
import { checkNumber, checkOptions, checkWhole, checkWord } from '../../core/check.ts';
import { limits } from '../../core/limits.ts';

/** How a pool has its VMs. */
export type PoolKind = 'inline' | 'static' | 'lazy' | 'adaptive';

/** The options of a pool. */
export interface PoolOptions {
  /**
   * `inline`: one VM, one call after the other. `static`: as many as `workers`, made before the
   * first call. `lazy` (default): made when they are needed, none when nothing happens. `adaptive`:
   * between `min` and `max`, by what more of them achieve.
   */
  readonly kind?: PoolKind;
  /** `static`: how many, 1 to 256. Default 4; of scripts in Lua 8. */
  readonly workers?: number;
  /** `adaptive`: at least so many. Default 1. */
  readonly min?: number;
  /** `lazy`, `adaptive`: at most so many, up to 256. Default 16. */
  readonly max?: number;
  /**
   * Calls that may wait for a VM. Default: 64 for each VM; `static` 256, but of scripts in Lua 64.
   * Past it: `sandbox.full`.
   */
  readonly queueMax?: number;
  /** How long a call waits for a VM. Default half an hour. Past it: `sandbox.full`. */
  readonly waitMs?: number;
  /** `lazy`: for how long nothing may happen before its VMs are ended. Default 30,000. */
  readonly idleMs?: number;
}

/** A pool with all defaults. */
export interface PoolTerms {
  readonly kind: PoolKind;
  readonly min: number;
  readonly max: number;
  readonly queueMax: number;
  readonly waitMs: number;
  readonly idleMs: number;
}

const kinds = ['inline', 'static', 'lazy', 'adaptive'] as const;
const names = ['kind', 'workers', 'min', 'max', 'queueMax', 'waitMs', 'idleMs'];
const known: Readonly<Record<PoolKind, readonly string[]>> = {
  inline: ['kind', 'queueMax', 'waitMs'],
  static: ['kind', 'workers', 'queueMax', 'waitMs'],
  lazy: ['kind', 'max', 'queueMax', 'waitMs', 'idleMs'],
  adaptive: ['kind', 'min', 'max', 'queueMax', 'waitMs'],
};

/** What static pools are when nothing is said. */
export interface StaticDefaults {
  readonly workers: number;
  readonly waitingEach: number;
}

const staticDefaults: StaticDefaults = { workers: 4, waitingEach: 256 };
const waitingEach = 64;
const waitMsDefault = 1_800_000;
const idleMsDefault = 30_000;

/** The terms with all defaults; throws `request.invalid` for what breaks a rule. */
export function poolTermsOf(
  name: string,
  given: PoolOptions = {},
  standing: StaticDefaults = staticDefaults,
): PoolTerms {
  const of = (option: string): string => `pool.${option} of '${name}'`;
  checkOptions(`pool of '${name}'`, given, names);
  const kind = checkWord(of('kind'), given.kind ?? standard(given), kinds);
  checkOptions(`pool of '${name}' (${kind})`, given, known[kind]);
  const { poolVmsMax, poolQueueMax } = limits;
  const max = checkWhole(
    of(kind === 'static' ? 'workers' : 'max'),
    most(kind, given, standing),
    1,
    poolVmsMax,
  );
  const each = kind === 'static' ? standing.waitingEach : waitingEach;
  const queueMax = given.queueMax ?? each * max;
  return {
    kind,
    min: least(kind, checkWhole(of('min'), given.min ?? 1, 1, max), max),
    max,
    queueMax: checkWhole(of('queueMax'), queueMax, 0, poolQueueMax),
    waitMs: checkNumber(of('waitMs'), given.waitMs ?? waitMsDefault, 0, limits.delayMsMax),
    idleMs: checkNumber(of('idleMs'), given.idleMs ?? idleMsDefault, 1, limits.delayMsMax),
  };
}

/** T1 */
const standard = ({ workers }: PoolOptions): PoolKind =>
  workers === undefined ? 'lazy' : 'static';

function most(kind: PoolKind, { workers, max = 16 }: PoolOptions, given: StaticDefaults): number {
  if (kind === 'inline') return 1;
  return kind === 'static' ? (workers ?? given.workers) : max;
}

/** How many there are at rest. */
function least(kind: PoolKind, min: number, max: number): number {
  if (kind === 'static') return max;
  return kind === 'adaptive' ? min : 0;
}

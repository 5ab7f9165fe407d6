/**
 * Owns what a node remembers of each function that it hosts: its code in every version, and its
 * share of the slots.
 *
 * L1 A run that is pinned is executed by the version that it is pinned to, any other by the one
 *    that was given last. All versions of a function share the bound of that one.
 */
import type { Histogram } from '../core/histogram.ts';
import type { ClaimedFunction, ClaimedRun } from '../ports/store-runs.ts';
import type { HostedCode } from './hosted.ts';
import type { Meters } from './meters.ts';

/** A function, in all versions that are hosted. */
export interface Lot {
  /** The one that was given last. */
  readonly current: HostedCode;
  readonly versions: Map<string, HostedCode>;
  readonly attempts: Histogram;
  readonly lags: Histogram;
  running: number;
  ahead: number;
  /** There may be work for it. */
  wanted: boolean;
}

/** The lots of functions, by name. */
export function openLots(
  functions: readonly HostedCode[],
  { attempts, lags }: Meters,
): ReadonlyMap<string, Lot> {
  const lots = new Map<string, Lot>();
  for (const code of functions) {
    const { fn, version } = code;
    const versions = (lots.get(fn)?.versions ?? new Map()).set(version, code);
    const measured = { attempts: attempts.of(fn), lags: lags.of(fn) };
    lots.set(fn, { current: code, versions, ...measured, running: 0, ahead: 0, wanted: true });
  }
  return lots;
}

/** The code for a run (L1), or undefined if it is not hosted. */
export const codeFor = (lot: Lot, { pin }: ClaimedRun): HostedCode | undefined =>
  pin === null ? lot.current : lot.versions.get(pin);

/** What of a function a node asks for that has room for `runsMax` more runs; null: for nothing. */
export function askFor(lot: Lot, runsMax: number): ClaimedFunction | null {
  const { current, versions, running, ahead } = lot;
  const { fn, concurrency } = current;
  const room = concurrency === null ? runsMax : Math.min(runsMax, concurrency - running - ahead);
  return room <= 0 ? null : { fn, runsMax: room, versions: [...versions.keys()] };
}

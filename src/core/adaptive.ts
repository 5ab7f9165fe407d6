/**
 * Owns how many places an adaptive pool should have: decided from what was measured, once a tick.
 *
 * A1 It grows only when every place is taken and somebody waits, and by steps: as many as wait for
 *    each place, at least a quarter of what there is, at most a quarter of the maximum.
 * A2 A step is a probe. It stays if more was done by more than the noise, or, within the noise, if
 *    fewer wait; else it is taken back, and the next probe comes later, twice as late each time.
 * A3 It shrinks by one at a time, after a while at less than half its use with nobody waiting, and
 *    never below one more than what is taken.
 * A4 A jump far over the noise says that the load has changed: the waits between probes begin anew.
 */

/** The bounds of a pool. */
export interface AdaptiveBounds {
  readonly min: number;
  readonly max: number;
}

/** What was measured in one tick. */
export interface AdaptiveSample {
  readonly busy: number;
  readonly waiting: number;
  /** Calls that ended in the tick. */
  readonly ended: number;
  /** From 0 to below 1, for the jitter. */
  readonly chance: number;
}

interface Probe {
  readonly from: number;
  readonly before: number;
  readonly waiting: number;
  readonly ticksLeft: number;
  readonly ended: number;
}

/** What is remembered between two ticks. */
export interface AdaptiveState {
  readonly size: number;
  readonly mean: number;
  readonly variance: number;
  readonly probe: Probe | null;
  /** Ticks before the next probe, and how often in a row one failed. */
  readonly restTicks: number;
  readonly failures: number;
  readonly idleTicks: number;
  /** Whether anything was measured yet. */
  readonly begun: boolean;
}

const meanShare = 0.2;
const varianceShare = 0.1;
const probeTicks = 4;
const idleTicksMax = 8;
const failuresMax = 10;
const sigmas = 2;
const noiseShareMax = 0.5;
const spikeSigmas = 3;
const jitter = 0.25;

/** The beginning: as small as allowed. */
export const adaptiveStart = ({ min }: AdaptiveBounds): AdaptiveState => ({
  ...{ size: min, mean: 0, variance: 0, probe: null },
  ...{ restTicks: 0, failures: 0, idleTicks: 0, begun: false },
});

/** The state after one more tick; `size` is how many places there should be. */
export function adapt(
  state: AdaptiveState,
  sample: AdaptiveSample,
  bounds: AdaptiveBounds,
): AdaptiveState {
  if (state.probe !== null) return probed(state, state.probe, sample);
  const known = measured(state, sample.ended);
  const rested = { ...known, restTicks: Math.max(0, known.restTicks - 1) };
  if (sample.waiting > 0 && sample.busy >= state.size) {
    const ready = { ...rested, idleTicks: 0 };
    if (rested.restTicks > 0 || state.size >= bounds.max) return ready;
    const size = Math.min(bounds.max, state.size + stepOf(state.size, sample, bounds));
    const { mean: before } = known;
    const { waiting } = sample;
    return {
      ...{ ...ready, size },
      probe: { from: state.size, before, waiting, ticksLeft: probeTicks, ended: 0 },
    };
  }
  return shrunk(rested, sample, bounds);
}

/** A1 */
function stepOf(size: number, { waiting }: AdaptiveSample, { max }: AdaptiveBounds): number {
  const wanted = Math.max(Math.floor(waiting / size), Math.ceil(size / 4));
  return Math.max(1, Math.min(wanted, Math.floor(max / 4)));
}

/** A4 */
function measured(state: AdaptiveState, ended: number): AdaptiveState {
  if (!state.begun) return { ...state, mean: ended, begun: true };
  const off = ended - state.mean;
  const sigma = Math.sqrt(state.variance);
  const spike = sigma > 0 && Math.abs(off) > spikeSigmas * sigma;
  return {
    ...state,
    mean: state.mean + meanShare * off,
    variance: state.variance + varianceShare * (off * off - state.variance),
    ...(spike ? { failures: 0, restTicks: 0 } : {}),
  };
}

/** A2 */
function probed(state: AdaptiveState, probe: Probe, sample: AdaptiveSample): AdaptiveState {
  const ended = probe.ended + sample.ended;
  if (probe.ticksLeft > 1) {
    return { ...state, probe: { ...probe, ended, ticksLeft: probe.ticksLeft - 1 } };
  }
  const rate = ended / probeTicks;
  const gain = rate - probe.before;
  const noise = Math.min(sigmas * Math.sqrt(state.variance), noiseShareMax * probe.before);
  const kept = gain > noise || (gain >= -noise && sample.waiting < probe.waiting);
  const known = { ...measured(state, rate), probe: null };
  if (kept) return { ...known, failures: Math.max(0, state.failures - 1), restTicks: 0 };
  const failures = Math.min(failuresMax, state.failures + 1);
  const restTicks = probeTicks * 2 ** failures * (1 - jitter + 2 * jitter * sample.chance);
  return { ...known, size: probe.from, failures, restTicks: Math.round(restTicks) };
}

/** A3 */
function shrunk(
  state: AdaptiveState,
  { busy, waiting }: AdaptiveSample,
  { min }: AdaptiveBounds,
): AdaptiveState {
  if (waiting > 0 || busy / state.size >= 0.5) return { ...state, idleTicks: 0 };
  const idleTicks = state.idleTicks + 1;
  const least = Math.max(min, busy + 1);
  if (idleTicks < idleTicksMax || state.size <= least) return { ...state, idleTicks };
  return { ...state, size: state.size - 1, idleTicks };
}

/**
 * Owns the arithmetic of flow control: whether a start is within its rate, and when a run is due.
 * Pure: the state comes in and goes out.
 *
 * F1 A sliding window takes at most `max` starts within any `perMs`: one that is `perMs` old or
 *    older counts no more. It is exact, and keeps the time of each start that still counts.
 * F2 A bucket holds `max` starts and fills again by `max` each `perMs`. Its level is counted in
 *    whole numbers (a start weighs `perMs`, each millisecond takes `max` away), so nothing is lost
 *    to rounding. It is the algorithm GCRA in another unit.
 * F3 A throttle refuses nothing: it gives each run the first time at which at most `max` become due
 *    within any `perMs`, never before the run that came before it.
 * F4 A clock that steps back moves what is kept along with it: nobody waits for the step. So what
 *    is kept moves with a refusal too, or the next one would find it where it was.
 */

/** So many within so long. */
export interface Pace {
  readonly max: number;
  readonly perMs: number;
}

/** What is kept of a window or a throttle: when it was written, and times relative to that. */
export type FlowTimes = readonly [at: number, ...after: number[]];

/** What is kept of a bucket, with the terms by which its level was counted. */
export type FlowBucket = readonly [at: number, level: number, max: number, perMs: number];

/** Whether one more start is within the rate. */
export type Taken<State> =
  | { readonly ok: true; readonly state: State }
  /** `moved`: to be kept in place of what was kept (F4), or null. */
  | { readonly ok: false; readonly retryAfterMs: number; readonly moved: State | null };

/** F4 */
const since = ([at, ...after]: FlowTimes, now: number): readonly number[] => {
  const from = Math.min(at, now);
  return after.map((one) => from + one);
};

/** F4: by a clock that was ahead of this one. */
const stepped = (state: FlowTimes | FlowBucket | null, now: number): boolean =>
  state !== null && state[0] > now;

const kept = (times: readonly number[], { max }: Pace, now: number): FlowTimes => [
  now,
  ...times.slice(-max).map((one) => one - now),
];

/** F1 */
export function takeSliding(state: FlowTimes | null, pace: Pace, now: number): Taken<FlowTimes> {
  const times = (state === null ? [] : since(state, now)).filter((one) => one > now - pace.perMs);
  const first = times[times.length - pace.max];
  if (first !== undefined) {
    const moved = stepped(state, now) ? kept(times, pace, now) : null;
    return { ok: false, retryAfterMs: first + pace.perMs - now, moved };
  }
  return { ok: true, state: kept([...times, now], pace, now) };
}

/** F2 */
export function takeBucket(
  state: FlowBucket | null,
  { max, perMs }: Pace,
  now: number,
): Taken<FlowBucket> {
  const level = state === null ? 0 : levelOf(state, { max, perMs }, now);
  const room = max * perMs - perMs;
  if (level <= room) return { ok: true, state: [now, level + perMs, max, perMs] };
  const moved: FlowBucket | null = stepped(state, now) ? [now, level, max, perMs] : null;
  return { ok: false, retryAfterMs: Math.ceil((level - room) / max), moved };
}

/** The level as it is now. One that was counted by other terms stands for as many starts. */
function levelOf([at, level, oldMax, oldPerMs]: FlowBucket, pace: Pace, now: number): number {
  const passedMs = Math.max(0, now - at);
  const left = Math.max(0, level - passedMs * oldMax);
  if (oldMax === pace.max && oldPerMs === pace.perMs) return left;
  return Math.min(pace.max * pace.perMs, Math.ceil((left / oldPerMs) * pace.perMs));
}

/** F3 */
export function takeThrottle(
  state: FlowTimes | null,
  pace: Pace,
  now: number,
): { readonly dueAt: number; readonly state: FlowTimes } {
  const times = state === null ? [] : since(state, now);
  const first = times[times.length - pace.max];
  const earliest = first === undefined ? now : first + pace.perMs;
  const dueAt = Math.max(now, times.at(-1) ?? now, earliest);
  return { dueAt, state: kept([...times, dueAt], pace, now) };
}

/** When a debounced run is due after one more start: quiet again, but never past its deadline. */
export function debouncedUntil(
  acceptedAt: number,
  { quietMs, maxMs }: { readonly quietMs: number; readonly maxMs: number },
  now: number,
): number {
  return Math.max(now, Math.min(now + quietMs, acceptedAt + maxMs));
}

/**
 * Owns what is aimed for, on two cores, and why an aim is missed where it is.
 *
 * A1 An aim is judged on what was measured, at full size only: a quick run says nothing about it.
 * A2 A missed aim is no failure of the benchmark; it is reported with its reason.
 */
import { type Durability, type Measure, type Peer, peerTitles } from './measure.ts';
import { significant } from './spread.ts';

export interface Aim {
  readonly bench: string;
  readonly metric: string;
  readonly durability: Durability;
  /** `ours` judges our figure, `ratio` how many times better it is than the peer's. */
  readonly of: 'ours' | 'ratio';
  /** The peer of a `ratio`. */
  readonly peer?: Peer;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly unit: string;
  /** Why it is missed, found by looking; kept for as long as it is missed. */
  readonly reason?: string;
}

/** An aim with what was got. `met` is null when this run could not judge it. */
export interface JudgedAim {
  readonly aim: string;
  readonly durability: Durability;
  readonly got: number | null;
  readonly unit: string;
  readonly met: boolean | null;
}

export interface Miss {
  readonly aim: string;
  readonly durability: Durability;
  readonly got: number;
  readonly unit: string;
  readonly reason: string;
}

const aim = (
  bench: string,
  durability: Durability,
  metric: string,
  bound: Pick<Aim, 'atLeast' | 'atMost' | 'unit' | 'reason' | 'peer'> & {
    readonly of?: Aim['of'];
  },
): Aim => ({ bench, durability, metric, of: 'ours', ...bound });

const timesOf = (
  bench: string,
  metric: string,
  peer: Peer,
  atLeast: number,
  reason?: string,
): Aim =>
  aim(bench, 'full', metric, {
    ...{ of: 'ratio', peer, atLeast, unit: 'times' },
    ...(reason === undefined ? {} : { reason }),
  });

/** The reason of a miss that nobody has looked into; it must not stay. */
export const unexplained = 'not yet explained';

const farReason =
  'the lease of 15 s begins 1.5 s after its renewal, so that no step of a clock can take it from ' +
  'a node that is alive; the death comes up to 3 s after a renewal, so the median is about 15 s';

const otherReason =
  'behind the wake-up come the claim and, in a statement of its own, the wait for the disk, ' +
  'about a millisecond (see `relaxed`); the peer commits with its claim, while it holds its locks';

/** All aims. */
export const aims: readonly Aim[] = [
  aim('burndown', 'full', 'burn-down, 24 at once', { atLeast: 25_000, unit: 'runs/s' }),
  aim('burndown', 'full', 'burn-down, 100 at once', { atLeast: 25_000, unit: 'runs/s' }),
  aim('burndown', 'full', 'burn-down, 24 at once', { of: 'ratio', atLeast: 3, unit: 'times' }),
  aim('burndown', 'full', 'burn-down, 100 at once', { of: 'ratio', atLeast: 3, unit: 'times' }),
  aim('starts', 'full', 'single starts, 50 at once', { atLeast: 20_000, unit: 'starts/s' }),
  aim('latency', 'full', 'same process, p50', { atMost: 1.5, unit: 'ms' }),
  aim('latency', 'full', 'same process, p99', {
    atMost: 4,
    unit: 'ms',
    reason:
      'the tail is that of the fsync on a disk and cores that others share: quiet rounds meet it ' +
      '(see the spread), and the tail of the peer in the same rounds is longer',
  }),
  aim('claim-cost', 'full', 'cost against an empty store', { atMost: 1.25, unit: 'times' }),
  aim('claim-cost', 'relaxed', 'cost against an empty store', { atMost: 1.25, unit: 'times' }),
  aim('memory', 'full', 'working node', { atMost: 300, unit: 'MB' }),
  aim('memory', 'full', 'starting process', { atMost: 300, unit: 'MB' }),
  aim('takeover', 'full', 'first run restarted, median', { atMost: 2_000, unit: 'ms' }),
  aim('takeover', 'full', 'last run restarted, longest', { atMost: 2_000, unit: 'ms' }),
  aim('idle', 'full', 'queries', { atMost: 1, unit: 'queries/s' }),
  aim('idle', 'relaxed', 'queries', { atMost: 1, unit: 'queries/s' }),
  aim('streams', 'full', 'part latency, p99', { atMost: 50, unit: 'ms' }),
  timesOf('postgres-burndown', 'burn-down, 1 process', 'graphile-batched', 1),
  timesOf(
    'postgres-burndown',
    'burn-down, 2 processes',
    'graphile-batched',
    1,
    'on two cores the sum of processor time decides: a run takes about 30 us of the server here, ' +
      'with its fence, its place in the fair order and its result kept, and about 19 us there, ' +
      'where none of these are; both sides have two processes to feed beside it',
  ),
  timesOf('postgres-burndown', 'burn-down, 1 process', 'graphile', 10),
  timesOf('postgres-burndown', 'burn-down, 2 processes', 'graphile', 10),
  timesOf('postgres-starts', '50 at once', 'graphile', 10),
  timesOf(
    'postgres-starts',
    'one after another',
    'graphile',
    1,
    'a start waits for two statements, its own and the one that waits for the disk outside of ' +
      'the gate, where the peer commits in one; that is what makes many starts at once cheap',
  ),
  aim('postgres-takeover', 'full', 'near: last run restarted, longest', {
    ...{ atMost: 2_000, unit: 'ms' },
  }),
  aim('postgres-takeover', 'full', 'far: last run restarted, median', {
    ...{ atMost: 15_000, unit: 'ms' },
    reason: farReason,
  }),
  // The lease of 15 s, renewed every 3 s, and 3 s more to notice that it is over.
  aim('postgres-takeover', 'full', 'far: last run restarted, longest', {
    ...{ atMost: 18_000, unit: 'ms' },
    reason: farReason,
  }),
  ...['near', 'far'].flatMap((distance) => [
    aim('postgres-takeover', 'full', `${distance}: doubled starts`, { atMost: 0, unit: 'runs' }),
    aim('postgres-takeover', 'full', `${distance}: leaked slots`, { atMost: 0, unit: 'slots' }),
  ]),
  aim('postgres-tenants', 'full', 'p99, beside over alone', {
    ...{ atMost: 2, unit: 'times' },
    reason:
      'a node claims some milliseconds of work ahead, as far as a claim takes, which the small ' +
      'tenant has to wait for when all slots are taken; alone it finds them free',
  }),
  aim('postgres-latency', 'full', 'same process, p50', { atMost: 3, unit: 'ms' }),
  aim('postgres-latency', 'full', 'same process, p99', { atMost: 7, unit: 'ms' }),
  aim('postgres-latency', 'full', 'other process, p50', {
    ...{ atMost: 3, unit: 'ms', reason: otherReason },
  }),
  aim('postgres-latency', 'full', 'other process, p99', {
    ...{ atMost: 7, unit: 'ms', reason: otherReason },
  }),
  ...(['full', 'relaxed'] as const).map((durability) =>
    aim('postgres-idle', durability, 'statements of an idle node', {
      ...{ atMost: 1, unit: 'queries/s' },
    }),
  ),
  aim('postgres-held', 'full', 'rate, last over first', { atLeast: 0.95, unit: 'times' }),
  aim('postgres-held', 'full', 'p99, last over first', {
    ...{ atMost: 2, unit: 'times' },
    reason:
      'in the last minute every system that keeps the rate has a p99 of about 0.3 s, ours from a ' +
      'lower start; what we take to be the cause, and did not prove, is the vacuum of the ' +
      'server, which goes through millions of dead rows that it may not remove, on the same cores',
  }),
  timesOf('steps', 'Postgres, 1 step', 'dbos', 5),
  timesOf('steps', 'Postgres, 10 steps', 'dbos', 5),
  aim('calls', 'relaxed', 'over the plain function', { atMost: 2_000, unit: 'ns' }),
  aim('calls', 'relaxed', '10,000 lanes over 100', { atMost: 1.5, unit: 'times' }),
  aim('calls', 'relaxed', '100,000 keys over 100', { atMost: 1.5, unit: 'times' }),
];

/** How a bound is written. */
export function describeAim(one: Aim): string {
  const peer = one.peer === undefined ? 'the peer' : peerTitles[one.peer];
  const what = one.of === 'ratio' ? `${one.metric}, against ${peer}` : one.metric;
  const bound = one.atLeast === undefined ? `<= ${one.atMost}` : `>= ${one.atLeast}`;
  return `${what} ${bound} ${one.unit}`;
}

/** Judges the aims of one benchmark on its measures. */
export function judge(
  bench: string,
  measures: readonly Measure[],
  options: { readonly quick: boolean },
): { readonly aims: readonly JudgedAim[]; readonly misses: readonly Miss[] } {
  const judged: JudgedAim[] = [];
  const misses: Miss[] = [];
  for (const one of aims.filter((each) => each.bench === bench)) {
    const { durability, unit } = one;
    const got = options.quick ? null : gotOf(one, measures);
    const met = got === null ? null : got >= (one.atLeast ?? got) && got <= (one.atMost ?? got);
    judged.push({ aim: describeAim(one), durability, got, unit, met });
    if (got === null || met !== false) continue;
    const reason = one.reason ?? unexplained;
    misses.push({ aim: describeAim(one), durability, got, unit, reason });
  }
  return { aims: judged, misses };
}

function gotOf(one: Aim, measures: readonly Measure[]): number | null {
  const find = (side: Measure['side']) =>
    measures.find(
      (measure) =>
        measure.side === side &&
        measure.durability === one.durability &&
        measure.metric.name === one.metric,
    );
  const ours = find('ours');
  if (ours === undefined) return null;
  if (one.of === 'ours') return ours.value;
  const peer = find(one.peer ?? 'bullmq');
  return peer === undefined ? null : ratio(ours, peer);
}

/** How many times better ours is: above 1 it is, whichever way the metric goes. */
export function ratio(ours: Measure, peer: Measure): number {
  const quotient =
    ours.metric.better === 'higher' ? ours.value / peer.value : peer.value / ours.value;
  return significant(quotient);
}

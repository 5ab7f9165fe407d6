/**
 * Owns flow control: what the terms of a function say to a start, in the transaction of the start.
 *
 * W1 A start is looked at whole before anything is changed: what is refused has changed nothing and
 *    has used nothing up. (Times that are kept move with a clock that has stepped back.)
 * W2 Keys are a function's and a tenant's own. Rates and throttles may be told to count all tenants
 *    together; what gives a caller another's run never crosses tenants, and nobody's run gives way
 *    to one of another tenant: a lane may be shared.
 * W3 A debounced run takes the newest input; everything else stays as the first start said. Starts
 *    of another lane are not merged into it: that would let them pass beside their lane.
 * W4 A run whose quiet time is over is due, whether a sweep has seen it or not: it takes no more.
 * W5 A start that was merged and is asked for again, after a lost answer, is known by its id, also
 *    when the next run of its key is there already.
 * W6 Retries, forks and redriven runs pass by all terms: an operator asked for them.
 */
import {
  debouncedUntil,
  type FlowBucket,
  type FlowTimes,
  type Taken,
  takeBucket,
  takeSliding,
  takeThrottle,
} from '../../core/flow.ts';
import { limits } from '../../core/limits.ts';
import { type WallMs, wallMs, wallPlus } from '../../core/time.ts';
import type { PaceTerm, StartFlow } from '../../ports/store-flow.ts';
import type { StartItem, StartVerdict } from '../../ports/store-runs.ts';
import { applyEvent } from './apply.ts';
import type { FlowPlace, FlowRow, FlowTerm } from './flow-tables.ts';
import type { RunRow } from './tables.ts';
import type { Txn } from './txn.ts';

/** How long after its run was due a row of a debounce knows who was merged. */
const mergedKnownMs = 60_000;
/** When a row about a run is first looked at by pruning, and how much later each further time. */
const runLookMs = 300_000;
const runLookGrowth = 3;

/** A start that its terms let through, and what has to be done around its acceptance. */
export interface Admitted {
  readonly ok: true;
  /** How many waiting runs of its tenant make room for it. */
  readonly frees: number;
  /** Makes room and uses the pace up; gives when the run is due, null: as it says itself. */
  before(): WallMs | null;
  /** Remembers the run that was accepted. */
  after(seq: number): void;
}

/** What the terms say to a start: it is let through, or this is its verdict (W1). */
export type Admission = Admitted | { readonly ok: false; readonly verdict: StartVerdict };

const verdictOf = (verdict: StartVerdict): Admission => ({ ok: false, verdict });

/** Looks at a start under its terms. */
export function admit(txn: Txn, item: StartItem, flow: StartFlow): Admission {
  const joined = debounced(txn, item, flow) ?? met(txn, item, flow);
  if (joined !== null) return verdictOf(joined);
  const rate = rated(txn, item, flow);
  if (!rate.ok) return rate;
  const lane = inLane(txn, item, flow);
  if (!lane.ok) return lane;
  const full = noKeys(txn, item);
  if (full !== null) return verdictOf(full);
  return {
    ok: true,
    frees: lane.waiting.length,
    before() {
      if (rate.row !== null) txn.tables.flows.put(rate.row);
      for (const { seq } of [...lane.waiting, ...lane.begun]) giveWay(txn, seq, item.id);
      return dueOf(txn, item, flow);
    },
    after: (seq) => remember(txn, item, flow, seq),
  };
}

/** Every place at which the terms of a start keep something. */
export function flowPlaces({ fn, tenant, flow }: StartItem): readonly FlowPlace[] {
  if (flow === undefined) return [];
  const { debounce, throttle, rateLimit, unique } = flow;
  const own = (term: FlowTerm, key: string): FlowPlace => ({ fn, tenant, key, term });
  const paced = (term: FlowTerm, { tenants, key }: PaceTerm & { readonly key: string }) =>
    tenants === 'together' ? { ...own(term, key), tenant: '' } : own(term, key);
  return [
    ...(debounce === undefined ? [] : [own('debounce', debounce.key)]),
    ...(throttle === undefined ? [] : [paced('throttle', throttle)]),
    ...(rateLimit === undefined ? [] : [paced(rateLimit.algorithm, rateLimit)]),
    ...(unique === undefined ? [] : [own('unique', unique.key)]),
  ];
}

/**
 * Who was merged: into the run that the row is about, or into one before it, which is named. Stored
 * format.
 */
type Merged = readonly (string | readonly [start: string, run: string])[];

const placeOf = (item: StartItem, ...terms: readonly FlowTerm[]): FlowPlace | undefined =>
  flowPlaces(item).find(({ term }) => terms.includes(term));

/** W3, W4, W5 */
function debounced(txn: Txn, item: StartItem, { debounce }: StartFlow): StartVerdict | null {
  const place = placeOf(item, 'debounce');
  const kept = place === undefined ? undefined : txn.tables.flows.get(place);
  if (debounce === undefined || kept === undefined || kept.seq === null) return null;
  const merged = JSON.parse(kept.state) as Merged;
  const earlier = merged.find((one) => typeof one !== 'string' && one[0] === item.id)?.[1];
  const before = earlier === undefined ? undefined : txn.tables.runs.byId(earlier);
  if (before !== undefined) return { ok: true, id: before.id, created: false, how: 'debounced' };
  const row = txn.tables.runs.bySeq(kept.seq);
  if (row === undefined) return null;
  const verdict: StartVerdict = { ok: true, id: row.id, created: false, how: 'debounced' };
  if (merged.includes(item.id)) return verdict;
  const { wall } = txn.moment;
  const waits = row.stage === 'time' && row.attempt === 0 && (row.dueAt ?? wall) > wall;
  if (!waits || row.lane !== item.lane) return null;
  const dueAt = wallMs(debouncedUntil(row.acceptedAt, debounce, wall));
  txn.tables.runs.update(row, { ...row, dueAt });
  txn.tables.runs.putInput(row.seq, item.input);
  const ids = [...merged, item.id].slice(-limits.flowMergedMax);
  const expiresAt = wallPlus(dueAt, mergedKnownMs);
  txn.tables.flows.put({ ...kept, state: JSON.stringify(ids), expiresAt });
  return verdict;
}

/** The run that a start meets by `unique`. */
function met(txn: Txn, item: StartItem, { unique }: StartFlow): StartVerdict | null {
  const place = placeOf(item, 'unique');
  const kept = place === undefined ? undefined : txn.tables.flows.get(place);
  if (unique === undefined || kept === undefined || kept.seq === null) return null;
  const row = txn.tables.runs.bySeq(kept.seq);
  if (row === undefined || !(unique.while === 'queued' ? notBegun(row) : unfinished(row))) {
    return null;
  }
  return { ok: true, id: row.id, created: false, how: 'unique' };
}

const unfinished = ({ stage }: RunRow): boolean => stage !== 'done';

const notBegun = ({ stage, attempt }: RunRow): boolean =>
  attempt === 0 && stage !== 'done' && stage !== 'running' && stage !== 'quarantined';

type Rated = { readonly ok: true; readonly row: FlowRow | null };

function rated(txn: Txn, item: StartItem, { rateLimit }: StartFlow): Rated | Refused {
  const place = placeOf(item, 'sliding', 'bucket');
  if (rateLimit === undefined || place === undefined) return { ok: true, row: null };
  const { wall } = txn.moment;
  const state = stateOf(txn.tables.flows.get(place));
  const taken: Taken<FlowTimes | FlowBucket> =
    rateLimit.algorithm === 'bucket'
      ? takeBucket(state as FlowBucket | null, rateLimit, wall)
      : takeSliding(state as FlowTimes | null, rateLimit, wall);
  const rowOf = (kept: FlowTimes | FlowBucket): FlowRow => {
    const expiresAt = wallPlus(wall, rateLimit.perMs);
    return { ...place, state: JSON.stringify(kept), seq: null, expiresAt };
  };
  if (taken.ok) return { ok: true, row: rowOf(taken.state) };
  if (taken.moved !== null) txn.tables.flows.put(rowOf(taken.moved));
  const { max, perMs } = rateLimit;
  const { retryAfterMs } = taken;
  const message =
    `'${item.fn}' takes ${max} starts${ofKey(place.key)} within ${perMs} ms; ` +
    `try again in ${retryAfterMs} ms`;
  return { ok: false, verdict: { ok: false, code: 'rate.limited', message, retryAfterMs } };
}

const ofKey = (key: string): string => (key === '' ? '' : ` of the key '${key}'`);

const stateOf = (row: FlowRow | undefined): unknown =>
  row === undefined ? null : (JSON.parse(row.state) as unknown);

type Refused = Extract<Admission, { ok: false }>;

/** Who gives way in the lane: waiting runs, and such as have begun. */
interface GivingWay {
  readonly ok: true;
  readonly waiting: readonly RunRow[];
  readonly begun: readonly RunRow[];
}

const nobody: GivingWay = { ok: true, waiting: [], begun: [] };

function inLane(txn: Txn, item: StartItem, { onConflict }: StartFlow): GivingWay | Refused {
  const { lane, fn, tenant } = item;
  if (lane === null || onConflict === undefined) return nobody;
  const { runs } = txn.tables;
  if (onConflict === 'drop') {
    const busy = runs.firstInLane(lane) !== undefined || runs.countLaneHolders(lane, 1) > 0;
    if (!busy) return nobody;
    const message = `'${fn}' starts nothing in its lane '${lane}', in which there is a run`;
    return { ok: false, verdict: { ok: false, code: 'lane.busy', message } };
  }
  const own = (row: RunRow): boolean => row.tenant === tenant;
  const holders = runs.laneHolders(lane, limits.laneWidthMax).filter(own);
  if (onConflict === 'cancel-running') {
    return { ...nobody, begun: holders.filter((row) => row.attempt > 0 && unfinished(row)) };
  }
  // Those behind first: who leaves a place lets nobody in that is to be replaced.
  const behind = runs.waitingInLane(lane, limits.flowReplacedMax);
  return { ...nobody, waiting: [...behind.filter(own), ...holders].filter(notBegun) };
}

function giveWay(txn: Txn, seq: number, to: string): void {
  const row = txn.tables.runs.bySeq(seq);
  if (row === undefined || row.stage === 'done') return;
  applyEvent(txn, row, { type: 'cancel', reason: `it gave way to run '${to}'` });
}

function noKeys(txn: Txn, item: StartItem): StartVerdict | null {
  const places = flowPlaces(item);
  const { flows } = txn.tables;
  if (places.length === 0 || flows.count() + places.length <= limits.flowKeysMax) return null;
  if (places.every((place) => flows.get(place) !== undefined)) return null;
  const message = `the store keeps ${limits.flowKeysMax} keys of flow control, which is its limit`;
  return { ok: false, code: 'store.full', message };
}

/** When the run is due by its terms. A throttle uses its pace up. */
function dueOf(txn: Txn, item: StartItem, { debounce, throttle }: StartFlow): WallMs | null {
  const { wall } = txn.moment;
  if (debounce !== undefined) return wallMs(debouncedUntil(wall, debounce, wall));
  const place = placeOf(item, 'throttle');
  if (throttle === undefined || place === undefined) return null;
  const before = stateOf(txn.tables.flows.get(place)) as FlowTimes | null;
  const { dueAt, state } = takeThrottle(before, throttle, wall);
  const expiresAt = wallPlus(wallMs(dueAt), throttle.perMs);
  txn.tables.flows.put({ ...place, state: JSON.stringify(state), seq: null, expiresAt });
  return wallMs(dueAt);
}

function remember(txn: Txn, item: StartItem, { debounce, unique }: StartFlow, seq: number): void {
  const { wall } = txn.moment;
  const merges = placeOf(item, 'debounce');
  if (debounce !== undefined && merges !== undefined) {
    const expiresAt = wallPlus(wall, Math.min(debounce.quietMs, debounce.maxMs) + mergedKnownMs);
    const state = JSON.stringify(mergedBefore(txn, merges));
    txn.tables.flows.put({ ...merges, state, seq, expiresAt });
  }
  const meets = placeOf(item, 'unique');
  if (unique === undefined || meets === undefined) return;
  const expiresAt = wallPlus(wall, runLookMs);
  txn.tables.flows.put({ ...meets, state: '', seq, expiresAt });
}

/** W5: who was merged into earlier runs of the key. */
function mergedBefore({ tables: { flows, runs } }: Txn, place: FlowPlace): Merged {
  const kept = flows.get(place);
  const run = kept === undefined || kept.seq === null ? undefined : runs.bySeq(kept.seq);
  if (kept === undefined || run === undefined) return [];
  const merged = JSON.parse(kept.state) as Merged;
  return merged.map((one) => (typeof one === 'string' ? [one, run.id] : one));
}

/**
 * Forgets what says nothing any more, at most `rowsMax` rows, and gives how many were looked at.
 * Rows about runs that go on are looked at ever more seldom.
 */
export function pruneFlows(txn: Txn, rowsMax: number): number {
  const { flows, runs } = txn.tables;
  const { wall } = txn.moment;
  const rows = flows.expired(wall, rowsMax);
  for (const row of rows) {
    const run = row.term !== 'unique' || row.seq === null ? undefined : runs.bySeq(row.seq);
    if (run === undefined || run.stage === 'done') flows.remove(row);
    else {
      const laterMs = Math.max(runLookMs, (wall - run.acceptedAt) * runLookGrowth);
      flows.put({ ...row, expiresAt: wallPlus(wall, laterMs) });
    }
  }
  return rows.length;
}

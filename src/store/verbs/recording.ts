/**
 * Owns what is written about the steps of a run: by its owner, and by whoever ends a wait.
 *
 * R1 An owner's writes are guarded by the fence; the writes of one item are all done, or none.
 * R2 The end of a step is written once: whoever comes second is told what stands.
 * R3 A wait that begins looks back first: an event that came since the run was accepted, and that
 *    the run has not seen yet, ends it at once; so does the first signal that nobody was given, and
 *    a group of children that are all over.
 * R4 A run is parked only if its code has seen every end: otherwise it is queued again at once.
 * R5 An owner that knows more ends than are kept speaks of a past that a failover took away:
 *    nothing of it is kept, and it is not parked but executed again.
 * R6 With the first end or wait that is kept a run is pinned to the version of its owner's code.
 */
import { groupOfWait } from '../../core/durable/keys.ts';
import { valuesAt } from '../../core/durable/match.ts';
import { fenceHolds } from '../../core/fence.ts';
import { limits } from '../../core/limits.ts';
import { wallPlus } from '../../core/time.ts';
import type { Waking } from '../../ports/store.ts';
import type { EndItem, EndVerdict } from '../../ports/store-runs.ts';
import type {
  AnswerItem,
  AnswerVerdict,
  EventRow,
  EventWanted,
  RecordItem,
  RecordVerdict,
  StepEnd,
  StepRow,
  StepWrite,
} from '../../ports/store-steps.ts';
import { applyEvent } from './apply.ts';
import { takeFirst } from './inbox.ts';
import { outcomeOf } from './row.ts';
import type { RunRow } from './tables.ts';
import type { Txn } from './txn.ts';

/** Events that are read at once while a wait looks back: the first may do; each may be large. */
export const lookBackFirstRows = 1;
const lookBackPageRows = 64;

/** Keeps steps of running attempts, each item with its own verdict. */
export function record(txn: Txn, items: readonly RecordItem[]): Waking<readonly RecordVerdict[]> {
  const reply = items.map((item): RecordVerdict => {
    const row = txn.tables.runs.bySeq(item.seq);
    if (row === undefined) {
      const message = `run number ${item.seq} is not in the store`;
      return { ok: false, code: 'run.not_found', message };
    }
    if (!fenceHolds(row.fence, item.fence) || row.stage !== 'running') {
      const now = `run '${row.id}' stands under fence ${row.fence}`;
      const message = `${now}; fence ${item.fence} is over`;
      return { ok: false, code: 'fence.stale', message };
    }
    // R5
    if (txn.tables.steps.size(row.seq).nth < item.knows) {
      const message = `run '${row.id}' lost steps that its owner knows, in a failover of the store`;
      return { ok: false, code: 'fence.stale', message };
    }
    const full = noRoom(txn, row, item.writes);
    if (full !== null) return full;
    const { nth } = txn.tables.steps.size(row.seq);
    const steps = item.writes.map((write) => keep(txn, row, write));
    pinned(txn, row, item.writes, item.pin);
    return { ok: true, steps, nth };
  });
  return { reply, woken: txn.takeWoken() };
}

/** R6: the row as it is then. */
function pinned(
  txn: Txn,
  row: RunRow,
  writes: readonly StepWrite[],
  pin: string | undefined,
): RunRow {
  if (pin === undefined || row.pin !== null) return row;
  if (writes.every(({ does }) => does === 'begin')) return row;
  const after = { ...row, pin };
  txn.tables.runs.update(row, after);
  return after;
}

/** R1: looked at before anything is written. */
function noRoom(
  txn: Txn,
  row: RunRow,
  writes: readonly StepWrite[],
): Extract<RecordVerdict, { ok: false }> | null {
  const { steps } = txn.tables;
  const fresh = new Set(writes.map(({ key }) => key).filter((key) => !steps.get(row.seq, key)));
  const { count } = steps.size(row.seq);
  if (count + fresh.size <= limits.stepsMax) return null;
  const message = `run '${row.id}' has ${count} steps; ${limits.stepsMax} are allowed in one run`;
  return { ok: false, code: 'steps.full', message };
}

/** One write; gives the step where that is news to its owner. */
function keep(txn: Txn, row: RunRow, write: StepWrite): StepRow | null {
  const { steps } = txn.tables;
  const known = steps.get(row.seq, write.key);
  // R2
  if (known !== undefined && known.end !== null) return write.does === 'begin' ? null : known;
  if (write.does === 'wait' && known !== undefined) return known;
  const size = steps.size(row.seq);
  const { wall } = txn.moment;
  // A wait goes on over the attempts of its run; anything else begins anew in each.
  const goesOn = known !== undefined && (known.wait !== null || known.attempt === row.attempt);
  const base: StepRow = {
    key: write.key,
    ord: known?.ord ?? size.count + 1,
    kind: write.kind,
    attempt: goesOn ? known.attempt : row.attempt,
    tries: write.does === 'wait' ? 1 : write.tries,
    begunAt: goesOn ? known.begunAt : wall,
    wait: known?.wait ?? null,
    end: null,
  };
  if (write.does === 'wait') return begin(txn, row, base, write, size.nth);
  const end = write.does === 'end' ? { ...write.end, nth: size.nth + 1, at: wall } : null;
  steps.put(row.seq, row.tenant, { ...base, end });
  return null;
}

/** R3 */
function begin(
  txn: Txn,
  row: RunRow,
  base: StepRow,
  { wake, event, token }: Extract<StepWrite, { does: 'wait' }>,
  nth: number,
): StepRow {
  const { wall } = txn.moment;
  const wakeAt = wake === null ? null : 'at' in wake ? wake.at : wallPlus(wall, wake.afterMs);
  const over = endedBefore(txn, row, base, event);
  const end = over === null ? null : { ...over, nth: nth + 1, at: wall };
  const step: StepRow = { ...base, wait: { wakeAt, event, token }, end };
  txn.tables.steps.put(row.seq, row.tenant, step);
  return step;
}

/** R3 */
function endedBefore(
  txn: Txn,
  row: RunRow,
  { kind, key }: StepRow,
  event: EventWanted | null,
): StepEnd | null {
  if (kind === 'child') {
    return txn.tables.kin.anyOpen(row.seq, groupOfWait(key)) ? null : allEnded;
  }
  if (event === null) return null;
  if (kind === 'signal') return takeFirst(txn, row.seq, event);
  const found = cameBefore(txn, row, event);
  return found === undefined ? null : endBy(found);
}

function cameBefore(txn: Txn, row: RunRow, wanted: EventWanted): EventRow | undefined {
  const { name, paths, values } = wanted;
  const place = { tenant: row.tenant, name, since: row.acceptedAt };
  let { after } = wanted;
  let rows = lookBackFirstRows;
  for (let looked = 0; looked < limits.eventLookBackRowsMax; rows = lookBackPageRows) {
    const page = txn.tables.events.after(place, after, { paths, values }, rows);
    const found = page.find(({ data }) => valuesAt(paths, JSON.parse(data)) === values);
    const last = page.at(-1);
    if (found !== undefined || last === undefined) return found;
    after = last.n;
    looked += page.length;
  }
  return undefined;
}

/** How a wait for children ends: what they gave is kept with them. Stored format. */
export const allEnded: StepEnd = { how: 'returned', value: 'null', error: null };

/** How a wait ends by an event: with what it gives. Stored format. */
export const endBy = ({ n, id, at, data }: EventRow): StepEnd => ({
  how: 'returned',
  value: `{"n":${n},"id":${JSON.stringify(id)},"at":${at},"data":${data}}`,
  error: null,
});

/** R4: ends an attempt that has nothing left to do before one of its waits ends. */
export function park(
  txn: Txn,
  row: RunRow,
  { fence, end }: EndItem & { readonly end: Extract<EndItem['end'], { how: 'parked' }> },
): EndVerdict {
  const full = noRoom(txn, row, end.waits);
  if (full !== null) {
    const error = { code: full.code, message: full.message };
    const event = { type: 'fail', fence, error, advice: { kind: 'never' }, chance: 0 } as const;
    return verdictOf(row, applyEvent(txn, row, event));
  }
  for (const write of end.waits) keep(txn, row, write);
  const held = pinned(txn, row, end.waits, end.pin);
  const { steps } = txn.tables;
  const missed = steps.size(row.seq).nth !== end.seen;
  const wakeAt = missed ? txn.moment.wall : steps.earliestWake(row.seq);
  const parked = applyEvent(txn, held, { type: 'park', fence, wakeAt });
  if (!parked.ok || parked.row.stage !== 'parked' || !missed) return verdictOf(row, parked);
  return verdictOf(row, applyEvent(txn, parked.row, { type: 'wake' }));
}

function verdictOf(row: RunRow, applied: ReturnType<typeof applyEvent>): EndVerdict {
  if (applied.ok) return { ok: true, outcome: outcomeOf(applied.row), repeated: false };
  const message = `run '${row.id}' does not allow 'parked' now`;
  return { ok: false, code: applied.refusal, message };
}

/**
 * Ends an open wait, and lets the run go on. False: the wait was over, or nobody waits any more.
 */
export function endWait(txn: Txn, seq: number, key: string, end: StepEnd): boolean {
  const { runs, steps } = txn.tables;
  const row = runs.bySeq(seq);
  const step = steps.get(seq, key);
  if (row === undefined || step === undefined || step.end !== null) return false;
  const { nth } = steps.size(seq);
  const over = row.stage === 'done';
  // Nobody will ask for it: it only has to be out of the way.
  const kept: StepEnd = over ? { how: 'timed-out', value: null, error: null } : end;
  steps.put(seq, row.tenant, { ...step, end: { ...kept, nth: nth + 1, at: txn.moment.wall } });
  if (over) return false;
  if (row.stage === 'parked') applyEvent(txn, row, { type: 'wake' });
  // Its owner has other steps under way, and hears of this one.
  else if (row.stage === 'running') txn.woke('stop');
  return true;
}

/** Ends waits by their tokens, each with its own verdict. */
export function answer(txn: Txn, items: readonly AnswerItem[]): Waking<readonly AnswerVerdict[]> {
  const reply = items.map(({ token, tenant, value }): AnswerVerdict => {
    const place = txn.tables.steps.byToken(token);
    const row = place === undefined ? undefined : txn.tables.runs.bySeq(place.seq);
    if (place === undefined || row === undefined || (tenant ?? row.tenant) !== row.tenant) {
      const message = 'no wait has this token, or its run is not kept any more';
      return { ok: false, code: 'approval.not_found', message };
    }
    if (endWait(txn, place.seq, place.key, { how: 'returned', value, error: null })) {
      return { ok: true, runId: row.id };
    }
    const message = `the wait '${place.key}' of run '${row.id}' is over`;
    return { ok: false, code: 'approval.already_done', message };
  });
  return { reply, woken: txn.takeWoken() };
}

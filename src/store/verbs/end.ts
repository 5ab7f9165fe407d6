/**
 * Owns what owners write about their attempts: ends, notes, and that lingering code has stopped.
 *
 * W1 Everything is guarded by the fence; under a stale fence nothing changes.
 * W2 The same end sent twice under one fence is one end: the second is answered `repeated`.
 */
import type { OwnerEvent } from '../../core/execution/event.ts';
import type { NodeKey } from '../../core/execution/run.ts';
import { fenceHolds } from '../../core/fence.ts';
import { limits } from '../../core/limits.ts';
import type { Waking } from '../../ports/store.ts';
import type {
  EndItem,
  EndVerdict,
  NoteItem,
  NoteVerdict,
  SettledItem,
} from '../../ports/store-runs.ts';
import { applyEvent } from './apply.ts';
import { park } from './recording.ts';
import { outcomeOf } from './row.ts';
import type { RunRow } from './tables.ts';
import type { Txn } from './txn.ts';

/** Ends attempts, each with its own verdict. */
export function end(txn: Txn, items: readonly EndItem[]): Waking<readonly EndVerdict[]> {
  const reply = items.map((item) => endOne(txn, item));
  return { reply, woken: txn.takeWoken() };
}

function endOne(txn: Txn, item: EndItem): EndVerdict {
  const row = txn.tables.runs.bySeq(item.seq);
  if (row === undefined) return gone(item.seq);
  if (!fenceHolds(row.fence, item.fence)) return stale(row, item);
  if (row.stage !== 'running') return { ok: true, outcome: outcomeOf(row), repeated: true };
  const { end } = item;
  if (end.how === 'parked') return park(txn, row, { ...item, end });
  const applied = applyEvent(txn, row, eventOf({ ...item, end }));
  if (!applied.ok) {
    const message = `run '${row.id}' does not allow '${item.end.how}' now`;
    return { ok: false, code: applied.refusal, message };
  }
  if (item.end.how === 'succeeded') txn.tables.runs.putResult(row.seq, item.end.result);
  return { ok: true, outcome: outcomeOf(applied.row), repeated: false };
}

type Ending = EndItem & { readonly end: Exclude<EndItem['end'], { how: 'parked' }> };

function eventOf({ fence, end }: Ending): OwnerEvent {
  switch (end.how) {
    case 'succeeded':
      return { type: 'succeed', fence };
    case 'failed': {
      const { error, chance } = end;
      const event = { type: 'fail', fence, error, chance } as const;
      return end.advice === undefined ? event : { ...event, advice: end.advice };
    }
    case 'timed-out': {
      const { error, chance, scope, settled } = end;
      return { type: 'time-out', fence, error, chance, scope, settled };
    }
    case 'stopped':
      return { type: 'stopped', fence, settled: end.settled };
    case 'diverged':
      return { type: 'diverge', fence, error: end.error };
    case 'handed-back':
      return { type: 'hand-back', fence, begun: end.begun ?? false };
  }
}

const gone = (seq: number) =>
  ({ ok: false, code: 'run.not_found', message: `run number ${seq} is not in the store` }) as const;

const stale = (row: RunRow, item: { readonly fence: number }) =>
  ({
    ok: false,
    code: 'fence.stale',
    message: `run '${row.id}' stands under fence ${row.fence}; fence ${item.fence} is over`,
  }) as const;

/** Keeps progress, declared state and log lines of running attempts. */
export function note(txn: Txn, items: readonly NoteItem[]): readonly NoteVerdict[] {
  return items.map((item): NoteVerdict => {
    const row = txn.tables.runs.bySeq(item.seq);
    if (row === undefined) return gone(item.seq);
    if (!fenceHolds(row.fence, item.fence) || row.stage !== 'running') return stale(row, item);
    if (item.progress !== undefined) txn.tables.notes.putProgress(row.seq, item.progress);
    const unkept = keepState(txn, item);
    return { ok: true, dropped: keepLines(txn, item), ...(unkept > 0 && { unkept }) };
  });
}

/** What is there stays; new names over the bound are not kept. Gives how many were not. */
function keepState({ tables, moment }: Txn, { seq, attempt, state = [] }: NoteItem): number {
  if (state.length === 0) return 0;
  const { notes } = tables;
  const names = new Set(notes.state(seq).map(({ name }) => name));
  let unkept = 0;
  for (const { name, value } of state) {
    if (!names.has(name) && names.size >= limits.stateNamesMax) unkept += 1;
    else {
      notes.putState(seq, { name, value, attempt, at: moment.wall });
      names.add(name);
    }
  }
  return unkept;
}

/** The first lines of a run are kept and later ones dropped: the beginning explains the rest. */
function keepLines(txn: Txn, { seq, attempt, lines = [] }: NoteItem): number {
  if (lines.length === 0) return 0;
  const { notes } = txn.tables;
  const room = Math.max(0, limits.logLinesMax - notes.logSize(seq).kept);
  for (const line of lines.slice(0, room)) notes.addLine(seq, attempt, line);
  const dropped = Math.max(0, lines.length - room);
  if (dropped > 0) notes.addDropped(seq, dropped);
  return dropped;
}

/** Gives back the places of ended attempts whose code has stopped on this node. */
export function settled(txn: Txn, node: NodeKey, items: readonly SettledItem[]): Waking<void> {
  for (const { seq, attempt } of items) {
    const row = txn.tables.runs.bySeq(seq);
    if (row !== undefined) applyEvent(txn, row, { type: 'settled', owner: node, attempt });
  }
  return { reply: undefined, woken: txn.takeWoken() };
}

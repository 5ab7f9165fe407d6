/**
 * Owns the second run that goes on from a step of another: with its input and its first steps.
 *
 * F1 The first run stays as it is. What it only waited for is not taken along.
 * F2 A fork that is asked for again, after a lost answer, finds the run that it made.
 * F3 Its first owner gets a fence over 1: by that it knows that there are steps to be read.
 * F4 It is pinned as the first run is, if it keeps steps of it, or as it is asked for.
 * F4 What children gave is kept with them. So a fork begins anew where the first run started
 *    children that are not all over, if not before: it starts children of its own there.
 */
import { fenceNext, fenceNone } from '../../core/fence.ts';
import type { Waking } from '../../ports/store.ts';
import type { ForkItem, ForkVerdict } from '../../ports/store-steps.ts';
import { acceptCopy, type Room, roomOf } from './start.ts';
import type { RunRow } from './tables.ts';
import type { Txn } from './txn.ts';

/** Starts runs with the first steps of others, each with its own verdict. */
export function fork(txn: Txn, items: readonly ForkItem[]): Waking<readonly ForkVerdict[]> {
  const room = roomOf(txn);
  const reply = items.map((item) => forkOne(txn, item, room));
  return { reply, woken: txn.takeWoken() };
}

function forkOne(txn: Txn, item: ForkItem, room: Room): ForkVerdict {
  const { id, newId, from } = item;
  const { runs, steps } = txn.tables;
  const row = runs.byId(id);
  if (row === undefined) return { ok: false, code: 'run.not_found', message: `no run '${id}'` };
  const first = from === null ? null : steps.get(row.seq, from);
  if (first === undefined) {
    const message = `run '${id}' has no step '${from}'; its steps are named by kind and name`;
    return { ok: false, code: 'step.not_found', message };
  }
  const below = least(first?.ord ?? null, firstOpen(txn, row.seq));
  const kept = steps.countEnded(row.seq, below);
  const made = runs.byId(newId);
  if (made !== undefined) return madeBefore(made, row, kept);
  const pin = item.pin === undefined && kept > 0 ? row.pin : (item.pin ?? null);
  const accepted = acceptCopy(txn, row, newId, room, { fence: fenceOfFork, pin });
  if (!accepted.ok) return accepted;
  steps.copyEnded(row.seq, below, accepted.seq);
  return { ok: true, id: newId, created: true, kept };
}

/** F4: the `ord` of the first step that started children which are not all over. */
function firstOpen({ tables: { kin, steps } }: Txn, seq: number): number | null {
  const key = kin.of(seq)?.hasChildren ? kin.firstOpenStart(seq) : null;
  return key === null ? null : (steps.get(seq, key)?.ord ?? null);
}

const least = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);

/** F3: as if somebody had owned it before. */
const fenceOfFork = fenceNext(fenceNone);

/** F2 */
function madeBefore(made: RunRow, row: RunRow, kept: number): ForkVerdict {
  if (made.retryOf === row.id) return { ok: true, id: made.id, created: false, kept };
  const message = `the id '${made.id}' is taken by another run; choose another id`;
  return { ok: false, code: 'run.conflict', message };
}

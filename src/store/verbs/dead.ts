/**
 * Owns dead letters: runs that ended badly, or are quarantined, and that nobody has dealt with.
 *
 * D1 A run becomes one in the transaction that ends it, and stops being one in the transaction that
 *    tries it again or discards it: nothing is redriven twice, whoever asks at the same time.
 * D2 A redriving that is asked for again, after a lost answer, finds the run that it made.
 * D3 Dead letters are runs: they go when their runs are pruned, by the retention of their outcome.
 *    Quarantined ones stay until somebody deals with them.
 */
import { limits } from '../../core/limits.ts';
import type { Waking } from '../../ports/store.ts';
import type {
  DeadAsk,
  DiscardItem,
  DiscardVerdict,
  RedriveItem,
  RedriveVerdict,
} from '../../ports/store-flow.ts';
import type { RunPage } from '../../ports/store-reads.ts';
import { applyEvent } from './apply.ts';
import { viewOf } from './reads.ts';
import { acceptCopy, madeBefore, roomOf } from './start.ts';
import type { RunRow } from './tables.ts';
import type { Txn } from './txn.ts';

/** Tries dead letters again, each with its own verdict. */
export function redrive(
  txn: Txn,
  items: readonly RedriveItem[],
): Waking<readonly RedriveVerdict[]> {
  const room = roomOf(txn);
  const reply = items.map(({ id, newId }): RedriveVerdict => {
    const row = txn.tables.runs.byId(id);
    if (row === undefined) return notDead(id);
    if (row.stage === 'quarantined') {
      applyEvent(txn, row, { type: 'release' });
      return { ok: true, id, created: false };
    }
    const made = txn.tables.runs.byId(newId);
    if (made !== undefined) return madeBefore(made, row);
    if (!txn.tables.dead.has(row.seq)) return notDead(id);
    const accepted = acceptCopy(txn, row, newId, room);
    if (!accepted.ok) return accepted;
    txn.tables.dead.remove(row.seq);
    return { ok: true, id: newId, created: true };
  });
  return { reply, woken: txn.takeWoken() };
}

/** Takes dead letters off the list, each with its own verdict. */
export function discard(
  txn: Txn,
  items: readonly DiscardItem[],
): Waking<readonly DiscardVerdict[]> {
  const reply = items.map(({ id, reason }): DiscardVerdict => {
    const row = txn.tables.runs.byId(id);
    if (row?.stage === 'quarantined') {
      applyEvent(txn, row, { type: 'cancel', reason });
      return { ok: true };
    }
    if (row === undefined || !txn.tables.dead.has(row.seq)) return notDead(id);
    txn.tables.dead.remove(row.seq);
    return { ok: true };
  });
  return { reply, woken: txn.takeWoken() };
}

const notDead = (id: string) => {
  const message = `run '${id}' is no dead letter, or no longer`;
  return { ok: false, code: 'dead.not_found', message } as const;
};

/** A page of dead letters, newest first: ended ones and quarantined ones in one order. */
export function dead(txn: Txn, { filter, before, rowsMax }: DeadAsk): RunPage {
  const bound = Math.min(Math.max(1, rowsMax), limits.pageRowsMax);
  const { runs, dead: letters } = txn.tables;
  const ended = letters.page(filter, before, bound + 1).flatMap((seq) => runs.bySeq(seq) ?? []);
  const aside = { ...filter, status: 'quarantined' } as const;
  const set = runs.page(aside, before, bound + 1, limits.pageScanRowsMax);
  // Below the place to which the other list was looked through nothing is known of it yet.
  const floor = set.next ?? 0;
  const known = [...ended, ...set.rows].filter(({ seq }) => seq >= floor).sort(newestFirst);
  const rows = known.slice(0, bound);
  const whole = known.length <= bound && set.next === null && ended.length <= bound;
  const last = rows.length === bound ? rows.at(-1)?.seq : undefined;
  return {
    runs: rows.map((row) => viewOf(txn, row)),
    next: whole ? null : (last ?? set.next ?? null),
  };
}

const newestFirst = (a: RunRow, b: RunRow): number => b.seq - a.seq;

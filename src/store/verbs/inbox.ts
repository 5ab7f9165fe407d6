/**
 * Owns the inbox of a run as its waits see it: what a wait is given that begins, and in what form.
 *
 * I1 A wait takes the first signal that nobody was given, in the transaction in which it begins.
 */
import type { SignalRow } from '../../ports/store-signals.ts';
import type { EventWanted, StepEnd } from '../../ports/store-steps.ts';
import type { Txn } from './txn.ts';

/** I1: how a wait ends that begins, or null. */
export function takeFirst(txn: Txn, seq: number, { paths }: EventWanted): StepEnd | null {
  const { signals } = txn.tables;
  const found = signals.first(seq, paths);
  if (found === undefined) return null;
  signals.take(seq, found.n);
  return endBySignal(found);
}

/** How a wait ends by a signal: with what it gives. Stored format. */
export function endBySignal({ n, id, name, at, data }: SignalRow): StepEnd {
  const named = `"id":${JSON.stringify(id)},"name":${JSON.stringify(name)}`;
  return { how: 'returned', value: `{"n":${n},${named},"at":${at},"data":${data}}`, error: null };
}

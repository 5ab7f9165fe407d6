/**
 * Owns the place where a codec is put into a runtime: before its store, and before starts within
 * transactions of callers.
 *
 * O1 Without a codec nothing stands in the way: the store is the store.
 */
import { Payloads, plainPayloads } from '../../core/payload.ts';
import type { World } from '../../engine/world.ts';
import type { Codec } from '../options.ts';
import type { StartWithin } from '../postgres-parts.ts';
import { Sealer } from './sealer.ts';
import { sealedStart, sealingStore } from './sealing-store.ts';
import { sealingTransactions } from './sealing-transactions.ts';
import { all } from './soon.ts';
import { markRoom } from './spot.ts';

/** What an engine works with, before a codec is there. */
export type Given = Omit<World, 'payloads'>;

/** The same with a codec. */
export function withCodec(
  { values, cipher }: Codec,
  given: Given,
  startWithin: StartWithin | null,
): { readonly world: World; readonly startWithin: StartWithin | null } {
  if (cipher === undefined) {
    const payloads = values === undefined ? plainPayloads : new Payloads(values);
    return { world: { ...given, payloads }, startWithin };
  }
  const sealer = new Sealer(cipher);
  const room = (max: number): number => cipher.room(Math.max(0, max - markRoom));
  const payloads = new Payloads(values ?? null, room, cipher.blind !== null);
  const { transactions } = given;
  const store = sealingStore(given.store, sealer);
  return {
    world: {
      ...{ ...given, payloads, store },
      ...(transactions === undefined
        ? {}
        : { transactions: sealingTransactions(transactions, sealer) }),
    },
    startWithin:
      startWithin === null
        ? null
        : async (tx, items) =>
            startWithin(tx, await all(items, (item) => sealedStart(sealer, item))),
  };
}

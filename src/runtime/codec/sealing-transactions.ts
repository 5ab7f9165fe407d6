/**
 * Owns the sealing of what steps in transactions give: like that of any other step.
 *
 * T1 A value that was committed before and cannot be opened here is thrown: the run is set aside
 *    with it, and neither is the step done again nor an envelope kept as its value.
 */
import type { Transactions } from '../../ports/transactions.ts';
import type { Sealer } from './sealer.ts';

/** The transactions, with a sealer before them. */
export const sealingTransactions = (given: Transactions, sealer: Sealer): Transactions => ({
  async run(ask) {
    const spot = { of: ask.id, what: ask.key };
    const end = await given.run({
      ...ask,
      code: async (tx) => sealer.seal(await ask.code(tx), 'step', spot),
    });
    return end.kept ? { kept: true, value: await sealer.opened(end.value, 'step', spot) } : end;
  },
});

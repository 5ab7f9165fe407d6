/**
 * Owns the list of what the engine is handed: everything outside of its own decisions.
 *
 * W1 The engine asks these for time, chance, truth and wake-ups, and nobody else.
 */
import { limits } from '../core/limits.ts';
import type { Payloads } from '../core/payload.ts';
import type { Redactor } from '../core/redact.ts';
import type { Bus } from '../ports/bus.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { ProcessTable } from '../ports/process-table.ts';
import type { Random } from '../ports/random.ts';
import type { Store, Woken } from '../ports/store.ts';
import type { Tracing } from '../ports/tracing.ts';
import type { Transactions } from '../ports/transactions.ts';

/** What one engine works with. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly bus: Bus;
  readonly processes: ProcessTable;
  readonly log: Log;
  /** Takes secrets out of what handlers log. Left out: the standard one. */
  readonly redactor?: Redactor;
  /** Whether what handlers log goes to `log`, too. Left out: no. */
  readonly logsRuns?: boolean;
  /** Left out: nothing is traced. */
  readonly tracing?: Tracing;
  /** How values become what the store keeps, and values again. */
  readonly payloads: Payloads;
  /** Of the database that the store is in; left out: there is none. */
  readonly transactions?: Transactions;
}

/** Tells everybody what a commit changed; only ever called after it. */
export function announce(world: World, woken: Woken): void {
  const { bus } = world;
  if (woken.ready) bus.publish('ready');
  if (woken.stop) bus.publish('stop');
  if (woken.done) bus.publish('done');
  if (woken.family === true) void sweepSoon(world);
}

/** Sweeps under way, and whether there is reason for another behind it. */
const sweeps = new WeakMap<World, { again: boolean }>();

/** Many reasons to sweep in a moment are one sweep; one is under way at a time. Never rejects. */
async function sweepSoon(world: World): Promise<void> {
  const known = sweeps.get(world);
  if (known !== undefined) {
    known.again = true;
    return;
  }
  const mine = { again: true };
  sweeps.set(world, mine);
  while (mine.again) {
    mine.again = false;
    await sweepAll(world);
  }
  sweeps.delete(world);
}

/** Sweeps until nothing is left to be done. Never rejects: the poll of any node does the same. */
export async function sweepAll(world: World): Promise<void> {
  try {
    for (;;) {
      const { reply, woken } = await world.store.sweep(limits.sweepRowsMax);
      announce(world, woken);
      if (!reply.more) return;
    }
  } catch (error) {
    world.log.log('debug', 'sweeping was in vain', { error: String(error) });
  }
}

/**
 * Owns the list of what the engine is handed: everything outside of its own decisions.
 *
 * W1 The engine asks these for time, chance, truth and wake-ups, and nobody else.
 */
import { limits } from '../core/limits.ts';
import type { Payloads } from '../core/payload.ts';
import type { Bus } from '../ports/bus.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { ProcessTable } from '../ports/process-table.ts';
import type { Random } from '../ports/random.ts';
import type { Store, Woken } from '../ports/store.ts';
import type { Tracing } from '../ports/tracing.ts';

/** What one engine works with. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly bus: Bus;
  readonly processes: ProcessTable;
  readonly log: Log;
  /** Left out: nothing is traced. */
  readonly tracing?: Tracing;
  /** How values become what the store keeps, and values again. */
  readonly payloads: Payloads;
}

/** Tells everybody what a commit changed; only ever called after it. */
export function announce({ bus }: World, woken: Woken): void {
  if (woken.ready) bus.publish('ready');
  if (woken.stop) bus.publish('stop');
  if (woken.done) bus.publish('done');
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

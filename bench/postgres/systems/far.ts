/**
 * Owns a runtime that looks as if it ran on another host: what `Holdfast.open` wires for Postgres,
 * but for the process table, in which this process has a host of its own. Others cannot look it up
 * and it cannot look up others, which is all that being far away means to a node.
 */
import { Holdfast, type OpenOptions } from 'holdfast';
import type { ProcessTable } from '../../../src/ports/process-table.ts';
import { settingsOf } from '../../../src/runtime/options.ts';
import { openPostgres } from '../../../src/runtime/postgres-parts.ts';
import { StopStack } from '../../../src/runtime/stop-stack.ts';
import { openRuntime } from '../../../src/runtime.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { processTable } from '../../../src/system/process-table.ts';
import { systemRandom } from '../../../src/system/random.ts';

/** Opens it; `close` closes what was opened here as well. */
export async function openFar(
  options: OpenOptions,
): Promise<{ readonly hf: Holdfast; close(): Promise<void> }> {
  const settings = settingsOf(options);
  const { place, log } = settings;
  if (place.kind !== 'postgres') throw new Error('only a store in Postgres has far nodes');
  const stops = new StopStack(log);
  const own = { clock: systemClock(), random: systemRandom(), log };
  const ask = { ...settings, ...own, place, watches: false };
  const { store, bus } = await openPostgres(ask, stops);
  const world = { ...own, store, bus, processes: farTable() };
  const hf = new Holdfast(await openRuntime(options, world));
  return {
    hf,
    async close() {
      await hf.close();
      await stops.unwind();
    },
  };
}

function farTable(): ProcessTable {
  const { pid, ...self } = processTable().self();
  const far = { ...self, pid, hostId: `far-${pid}`, hostName: `far-${pid}` };
  return { self: () => far, look: () => 'unknown' };
}

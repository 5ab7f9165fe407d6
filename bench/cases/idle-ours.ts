/**
 * Our side of idleness: one node that waits. Every verb that its runtime asks of the store is
 * counted, and every heartbeat, which the store's thread keeps by itself.
 */
import { join } from 'node:path';
import { defineFunction, Holdfast } from 'holdfast';
import { fileBus } from '../../src/bus/file/file-bus.ts';
import { silentLog } from '../../src/ports/log.ts';
import type { Store } from '../../src/ports/store.ts';
import { openRuntime } from '../../src/runtime.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { systemClock } from '../../src/system/clock.ts';
import { processTable } from '../../src/system/process-table.ts';
import { systemRandom } from '../../src/system/random.ts';
import type { Case } from '../case.ts';
import type { OursParams } from './ours.ts';
import { pause } from './waits.ts';

/** What happens right after opening is not idleness. */
const SETTLE_MS = 2_500;

export async function openCase({ dir, durability }: OursParams): Promise<Case> {
  const path = join(dir, `idle-${durability}.db`);
  const surroundings = { clock: systemClock(), random: systemRandom(), log: silentLog };
  const counts = new Map<string, number>();
  const real = await openSqliteStore({ path, durability });
  const store = counting(real, (verb) => counts.set(verb, (counts.get(verb) ?? 0) + 1));
  const bus = fileBus({ folder: `${path}-bus`, ...surroundings });
  const world = { ...surroundings, store, bus, processes: processTable() };
  const functions = [defineFunction({ name: 'noop', run: () => null })];
  const hf = new Holdfast(await openRuntime({ store: path, durability, functions }, world));
  await pause(SETTLE_MS);
  return {
    async ask({ ms }) {
      counts.clear();
      const before = { cpu: process.cpuUsage(), transactions: real.counters().transactions };
      await pause(Number(ms));
      const { user, system } = process.cpuUsage(before.cpu);
      const queries = [...counts.values()].reduce((sum, count) => sum + count, 0);
      const transactions = real.counters().transactions - before.transactions;
      return {
        queries,
        transactions,
        cpuMs: (user + system) / 1e3,
        verbs: Object.fromEntries(counts),
      };
    },
    async close() {
      await hf.close();
      await bus.close();
      await real.close();
    },
  };
}

/** The same store; `count` hears of each verb before it is executed. */
function counting(store: Store, count: (verb: string) => void): Store {
  return new Proxy(store, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => {
        if (name === 'keepAlive') return target.keepAlive(countingBeats(args, count));
        count(String(name));
        return member.apply(target, args);
      };
    },
  });
}

function countingBeats(args: readonly unknown[], count: (verb: string) => void) {
  const [ask] = args as Parameters<Store['keepAlive']>;
  return {
    ...ask,
    onBeat: (beat: Parameters<typeof ask.onBeat>[0]) => {
      count('beat');
      ask.onBeat(beat);
    },
  };
}

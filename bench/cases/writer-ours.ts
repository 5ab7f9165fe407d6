/**
 * The writer in its two places, under an open load: starts are due at a fixed rate whether or not
 * earlier ones were accepted. The stall is how late a timer of 1 ms fires. Checked: every start
 * was accepted.
 */
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { monoPlus } from '../../src/core/time.ts';
import { openWriter } from '../../src/store/sqlite/connection.ts';
import { openGroups, type Waiting } from '../../src/store/sqlite/group.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { filesOf } from '../../src/store/sqlite/store-path.ts';
import { openTables } from '../../src/store/sqlite/tables.ts';
import { openTurnstile } from '../../src/store/sqlite/turnstile.ts';
import { systemClock } from '../../src/system/clock.ts';
import { bootId } from '../../src/system/process-table.ts';
import { systemRandom } from '../../src/system/random.ts';
import { type Answer, type Case, verify } from '../case.ts';
import { numbersFrom } from './numbers.ts';
import type { OursParams } from './ours.ts';
import { startItem } from './start-item.ts';
import { pause, until } from './waits.ts';

/** Where starts go: gives how many were accepted so far. */
interface Target {
  start(n: number): void;
  accepted(): number;
  close(): Promise<void>;
}

export async function openCase({ dir, durability }: OursParams): Promise<Case> {
  let stores = 0;
  const openTarget = (place: string): Promise<Target> => {
    const path = join(dir, `writer-${durability}-${stores++}.db`);
    if (place === 'thread') return onThread(path, durability);
    return Promise.resolve(place === 'main' ? onMain(path, durability) : nowhere());
  };
  return {
    async ask({ place, perSecond, ms }) {
      const target = await openTarget(String(place));
      const answer = await load(target, Number(perSecond), Number(ms));
      await target.close();
      return answer;
    },
    async close() {},
  };
}

async function load(target: Target, perSecond: number, ms: number): Promise<Answer> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const startedAt = performance.now();
  delay.enable();
  let sent = 0;
  for (let elapsed = 0; elapsed < ms; elapsed = performance.now() - startedAt) {
    const due = Math.floor((elapsed * perSecond) / 1e3);
    for (const n of numbersFrom(sent, due - sent)) target.start(n);
    sent = due;
    await pause(1);
  }
  delay.disable();
  await until(() => target.accepted() >= sent);
  const seconds = (performance.now() - startedAt) / 1e3;
  verify(target.accepted() === sent, `${sent} starts were accepted once`);
  return {
    p99Ms: delay.percentile(99) / 1e6,
    longestMs: delay.max / 1e6,
    acceptedPerSecond: sent / seconds,
  };
}

/** The store as it is. */
async function onThread(path: string, durability: OursParams['durability']): Promise<Target> {
  const store = await openSqliteStore({ path, durability });
  const random = systemRandom();
  let accepted = 0;
  return {
    start(n) {
      void store.start([startItem(random.id(), n)]).then(({ reply }) => {
        if (reply[0]?.ok === true) accepted += 1;
      });
    },
    accepted: () => accepted,
    close: () => store.close(),
  };
}

/** The same groups, run on this thread as soon as the event loop comes round. */
function onMain(path: string, durability: OursParams['durability']): Target {
  const clock = systemClock();
  const random = systemRandom();
  const ask = { path, durability, busyPatienceMs: 5_000 };
  const db = openWriter(ask, clock, random.id());
  const turnstile = openTurnstile(filesOf(path).turn, clock.mono, random.id());
  const tables = openTables(db, () => []);
  const groups = openGroups({ ask, db, tables, turnstile, clock, boot: bootId() });
  const queue: Waiting[] = [];
  let scheduled = false;
  let accepted = 0;
  const turn = (): void => {
    scheduled = false;
    groups.run(queue);
    if (queue.length > 0) schedule();
  };
  const schedule = (): void => {
    if (!scheduled) setImmediate(turn);
    scheduled = true;
  };
  return {
    start(n) {
      queue.push({
        verb: 'start',
        args: [[startItem(random.id(), n)]],
        givesUpAt: monoPlus(clock.mono(), ask.busyPatienceMs),
        done: () => {
          accepted += 1;
        },
        failed: (fault) => {
          throw fault;
        },
      });
      schedule();
    },
    accepted: () => accepted,
    async close() {
      turnstile.close();
      db.close();
    },
  };
}

/** Only the load itself. */
function nowhere(): Target {
  let accepted = 0;
  return {
    start: () => {
      accepted += 1;
    },
    accepted: () => accepted,
    close: () => Promise.resolve(),
  };
}

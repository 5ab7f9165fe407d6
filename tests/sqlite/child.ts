/**
 * The other process of the SQLite tests: does one thing to the store in a file, as its arguments
 * say, and says over IPC how far it is.
 */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { monoMs } from '../../src/core/time.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { query } from '../../src/store/sqlite/statement.ts';
import { openTurnstile } from '../../src/store/sqlite/turnstile.ts';
import { systemClock } from '../../src/system/clock.ts';
import { item } from './scene.ts';

const [mode, path = '', amount = '0'] = process.argv.slice(2);
const say = (word: unknown): void => {
  process.send?.(word);
};
const toldToGo = (): Promise<unknown> => once(process, 'message');

/** Opens the store together with others, starts a run and closes. */
async function openTogether(): Promise<void> {
  say('ready');
  await toldToGo();
  const store = await openSqliteStore({ path });
  await store.start([item()]);
  await store.close();
  process.disconnect();
}

/** Starts runs, eight at once, for some milliseconds. */
async function hammer(): Promise<void> {
  const clock = systemClock();
  const store = await openSqliteStore({ path });
  say('ready');
  await toldToGo();
  const until = clock.mono() + Number(amount);
  let runs = 0;
  const caller = async (): Promise<void> => {
    while (clock.mono() < until) {
      await store.start([item()]);
      runs += 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, caller));
  say({ runs, ...store.counters() });
  await store.close();
  process.disconnect();
}

/**
 * Takes the store through the turnstile for 2 ms each time, and wants it back at once. Rounds of
 * all processes are numbered in the store, so that a process knows how many others it was passed
 * by.
 */
async function hog(): Promise<void> {
  const clock = systemClock();
  const db = new DatabaseSync(path, { timeout: 0 });
  const turnstile = openTurnstile(`${path}-turn`, clock.mono, `${process.pid}`);
  const begin = (): boolean => {
    try {
      db.exec('BEGIN IMMEDIATE');
      return true;
    } catch {
      return false;
    }
  };
  const count = query<readonly [number]>(
    db,
    'UPDATE tally SET next_seq = next_seq + 1 RETURNING next_seq',
  );
  say('ready');
  await toldToGo();
  const until = clock.mono() + Number(amount);
  let [rounds, lastRound, passedByMax] = [0, Number.POSITIVE_INFINITY, 0];
  while (clock.mono() < until) {
    turnstile.enter(begin, monoMs(Number.POSITIVE_INFINITY));
    const round = count.one()?.[0] ?? 0;
    const doneAt = clock.mono() + 2;
    while (clock.mono() < doneAt);
    db.exec('COMMIT');
    rounds += 1;
    passedByMax = Math.max(passedByMax, round - lastRound - 1);
    lastRound = round;
  }
  say({ rounds, passedByMax, ...turnstile.counts });
  process.disconnect();
}

/** Starts runs for ever and prints each id once it is acknowledged. */
async function acknowledge(): Promise<void> {
  const store = await openSqliteStore({ path });
  const caller = async (): Promise<never> => {
    for (;;) {
      const one = item();
      await store.start([one]);
      writeSync(1, `${one.id}\n`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, caller));
}

/**
 * Takes the lock for writing of the store, or of any other database, and gives it back when told.
 */
async function hold(statement: string): Promise<void> {
  const db = new DatabaseSync(path);
  db.exec(statement);
  say('held');
  await toldToGo();
  db.exec('ROLLBACK');
  db.close();
  say('free');
  process.disconnect();
}

/** Opens the store, uses both of its threads, and leaves it open. The process should end. */
async function leaveOpen(): Promise<void> {
  const store = await openSqliteStore({ path });
  await store.start([item()]);
  await store.counts();
  process.disconnect();
}

/** Has nothing to do but to wait for an answer of the store. */
async function awaitAnswer(): Promise<void> {
  const store = await openSqliteStore({ path });
  process.disconnect();
  await store.start([item()]);
  writeSync(1, 'acknowledged\n');
}

const modes: Readonly<Record<string, () => Promise<void>>> = {
  'open-together': openTogether,
  hammer,
  hog,
  acknowledge,
  hold: () => hold('BEGIN IMMEDIATE'),
  'hold-turn': () => hold('BEGIN EXCLUSIVE'),
  'leave-open': leaveOpen,
  'await-answer': awaitAnswer,
};

await modes[mode ?? '']?.();

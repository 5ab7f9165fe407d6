/**
 * Owns fairness between processes that write to one store.
 *
 * SQLite lets whoever asks at the right moment in: a process that commits without a pause can keep
 * others out for seconds. So processes that meet each other queue at a turnstile: a second, empty
 * database beside the store that serves only as a lock. Whoever waits for the store holds the turn,
 * and gives it back once it is in; whoever has just committed has to queue behind it.
 *
 *   alone:      look at the beacon (2 us) -> BEGIN
 *   contended:  take the turn -> BEGIN, again and again -> give the turn back -> work -> COMMIT
 *
 * F1 The beacon is the modification time of the turn's file, in milliseconds of the monotonic
 *    clock: whoever waits sets it, whoever is about to begin reads it. Fresh means that somebody
 *    waited lately. A file time needs no descriptor, whose closing would drop the locks on the
 *    file, and no clean-up.
 * F2 The turn is advice. It is held only while waiting, never while working, and it dies with its
 *    process (a POSIX lock). A frozen process may hold it: after `bypassMs` it is passed by.
 * F3 Nothing here is needed for correctness: the lock of the store itself is always taken.
 */
import { statSync, utimesSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { MonoMs } from '../../core/time.ts';
import { isBusy } from './faults.ts';
import { pauseThread } from './pause-thread.ts';
import { makeOwnFile } from './store-path.ts';

/** For how long after the last wait of anybody everybody uses the turnstile. */
const freshMs = 500;
/** How often a waiter renews the beacon. */
const beaconEveryMs = 50;
/** How long the turn is waited for before it is passed by (F2). */
const bypassMs = 100;
/**
 * Waiting is polling. Whoever has the turn polls finely: only one does. Whoever comes to wait for
 * the turn begins coarsely, so that it rather goes to those who wait already. Long waits cost
 * little.
 */
function pollMs(mine: boolean, waitedMs: number): number {
  if (waitedMs > 1_000) return 4;
  if (waitedMs > bypassMs) return 0.5;
  return mine || waitedMs > 2 ? 0.05 : 0.3;
}

/** What happened at the turnstile, for examinations and benchmarks. */
export interface TurnCounts {
  /** Times that the store was held by somebody else when it was wanted. */
  waits: number;
  /** Times that the turn was passed by. */
  bypasses: number;
  /** The longest wait so far. */
  waitMsMax: number;
}

/** The way to the write lock. */
export interface Turnstile {
  /**
   * Waits until `begin` succeeds (true), or until `givesUpAt` (false). `begin` must not wait
   * itself.
   */
  enter(begin: () => boolean, givesUpAt: MonoMs): boolean;
  readonly counts: TurnCounts;
  close(): void;
}

/** Opens the turnstile of a store. Makes no file until there is contention. */
export function openTurnstile(turnPath: string, mono: () => MonoMs, unique: string): Turnstile {
  const turn = openTurn(turnPath, unique);
  const counts: TurnCounts = { waits: 0, bypasses: 0, waitMsMax: 0 };
  let beaconAt = Number.NEGATIVE_INFINITY;
  const contended = (): boolean => {
    const litAt = statSync(turnPath, { throwIfNoEntry: false })?.mtimeMs;
    return litAt !== undefined && Math.abs(mono() - litAt) < freshMs;
  };
  const light = (now: MonoMs): void => {
    if (now - beaconAt < beaconEveryMs) return;
    beaconAt = now;
    turn.light(now);
  };
  const queue = (begin: () => boolean, givesUpAt: MonoMs): boolean => {
    const since = mono();
    let passedBy = false;
    for (let polls = 0; ; polls += 1) {
      const waitedMs = mono() - since;
      const mine = turn.take();
      if (!mine && waitedMs > bypassMs && !passedBy) {
        passedBy = true;
        counts.bypasses += 1;
      }
      if ((mine || passedBy) && begin()) return true;
      const now = mono();
      if (polls === 0) counts.waits += 1;
      counts.waitMsMax = Math.max(counts.waitMsMax, Math.ceil(now - since));
      if (now >= givesUpAt) return false;
      light(now);
      pauseThread(pollMs(mine, waitedMs));
    }
  };
  return {
    counts,
    enter(begin, givesUpAt) {
      if (!contended() && begin()) return true;
      try {
        return queue(begin, givesUpAt);
      } finally {
        turn.give();
      }
    },
    close: turn.close,
  };
}

/** The lock of the turn, opened when it is first wanted. */
interface Lock {
  readonly db: DatabaseSync;
  take(): void;
  give(): void;
}

function openLock(path: string, unique: string): Lock {
  makeOwnFile(path, unique);
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    // It is never written to; without a journal file the lock costs half.
    db.exec('PRAGMA journal_mode = MEMORY');
    const begin = db.prepare('BEGIN EXCLUSIVE');
    const end = db.prepare('ROLLBACK');
    return { db, take: () => void begin.run(), give: () => void end.run() };
  } catch (error) {
    db.close();
    throw error;
  }
}

/** The turn. Where its file cannot be made or locked, everybody has it: unfair, but correct. */
function openTurn(path: string, unique: string) {
  let lock: Lock | undefined;
  let held = false;
  return {
    /** Takes the turn, or still has it. False: somebody else has it. */
    take(): boolean {
      if (held) return true;
      try {
        lock ??= openLock(path, unique);
        lock.take();
        held = true;
        return true;
      } catch (error) {
        return !isBusy(error);
      }
    },
    give(): void {
      if (held) lock?.give();
      held = false;
    },
    light(now: MonoMs): void {
      try {
        utimesSync(path, now / 1_000, now / 1_000);
      } catch {
        // Without the beacon others find out by meeting us; that is slower, not wrong.
      }
    },
    close(): void {
      lock?.db.close();
    },
  };
}

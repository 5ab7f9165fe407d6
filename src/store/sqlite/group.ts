/**
 * Owns group commit: all calls that wait when a transaction begins share it, and one fsync.
 *
 * G1 A reply is given only after the commit.
 * G2 Calls are independent: if one throws, the group is rolled back and each call repeated in a
 *    transaction of its own, so that the others get their answers. No savepoints: they would cost
 *    every group for the sake of a rare one.
 * G3 A group ends early once it took `groupMsMax`, so that other processes and later calls get
 *    their turn; at least one call is always executed.
 * G4 A group that holds only heartbeats is not synced: a beat that a power cut takes away is
 *    worthless after the boot. The next synced commit syncs it too (the log is one file, in order),
 *    so that nothing that was acknowledged can be lost by it.
 */
import type { DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '../../core/errors.ts';
import { type MonoMs, monoMs } from '../../core/time.ts';
import type { Clock } from '../../ports/clock.ts';
import { openTxn } from '../verbs/txn.ts';
import { type VerbName, verbs } from '../verbs/verbs.ts';
import { type OpenAsk, synchronousOf } from './connection.ts';
import { faultOf, isBusy, isLost } from './faults.ts';
import { watchFile } from './same-file.ts';
import type { SqliteTables } from './tables.ts';
import type { Turnstile } from './turnstile.ts';

const groupMsMax = 10;

/** A verb that waits for its transaction. */
export interface Waiting {
  readonly verb: VerbName;
  readonly args: readonly unknown[];
  /** When its caller runs out of patience with other processes. */
  readonly givesUpAt: MonoMs;
  readonly done: (value: unknown) => void;
  readonly failed: (fault: HoldfastError) => void;
}

/** What the writer needs. */
export interface WriterParts {
  readonly ask: OpenAsk;
  readonly db: DatabaseSync;
  readonly tables: SqliteTables;
  readonly turnstile: Turnstile;
  readonly clock: Clock;
  readonly boot: string;
}

/** What happened, for examinations and benchmarks. */
export interface GroupCounts {
  transactions: number;
  verbs: number;
  repeats: number;
}

/** Executes groups of calls. */
export interface Groups {
  /** Executes a group from the front of the queue and takes it out. */
  run(queue: Waiting[]): void;
  readonly counts: GroupCounts;
}

/** A verb as the group sees it: the names and the arguments come from typed callers. */
export type AnyVerb = (txn: ReturnType<typeof openTxn>, ...args: readonly unknown[]) => unknown;

/** One transaction after the other, each with all calls that have time. */
function openTransactions({ db, tables, clock, boot }: WriterParts) {
  const beginNow = db.prepare('BEGIN IMMEDIATE');
  const commitNow = db.prepare('COMMIT');
  return {
    /** False: somebody else holds the store. */
    begin(): boolean {
      try {
        beginNow.run();
        return true;
      } catch (error) {
        if (isBusy(error)) return false;
        throw error;
      }
    },
    /**
     * Executes calls in the open transaction and commits; gives the values of those that had time.
     */
    commit(calls: readonly Waiting[]): readonly unknown[] {
      tables.begin();
      const moment = { wall: clock.wall(), judge: clock.mono(), boot };
      const txn = openTxn(tables, moment);
      const values: unknown[] = [];
      for (const { verb, args } of calls) {
        values.push((verbs[verb] as AnyVerb)(txn, ...args));
        if (clock.mono() - moment.judge > groupMsMax) break;
      }
      txn.flush();
      tables.flush();
      commitNow.run();
      return values;
    },
    undo(): void {
      if (db.isTransaction) db.exec('ROLLBACK');
      tables.forget();
    },
  };
}

/** Makes the executor. */
export function openGroups(parts: WriterParts): Groups {
  const { ask, db, turnstile, clock } = parts;
  const counts: GroupCounts = { transactions: 0, verbs: 0, repeats: 0 };
  const { begin, commit, undo } = openTransactions(parts);
  const insistOnSameFile = watchFile(ask.path, clock.mono);
  const counted = (values: readonly unknown[]): readonly unknown[] => {
    counts.transactions += 1;
    counts.verbs += values.length;
    return values;
  };
  const fail = (calls: readonly Waiting[], error: unknown): void => {
    undo();
    for (const call of calls) call.failed(faultOf(error, ask.path));
  };
  const alone = (call: Waiting): void => {
    try {
      if (!turnstile.enter(begin, call.givesUpAt)) throw held(ask);
      call.done(counted(commit([call]))[0]);
    } catch (error) {
      fail([call], error);
    }
  };
  const together = (queue: Waiting[]): void => {
    let values: readonly unknown[];
    try {
      values = counted(commit(queue));
    } catch (error) {
      const calls = queue.splice(0);
      if (isLost(error) || calls.length === 1) {
        fail(calls, error);
        return;
      }
      undo();
      counts.repeats += 1;
      for (const call of calls) alone(call);
      return;
    }
    const calls = queue.splice(0, values.length);
    for (const [at, call] of calls.entries()) call.done(values[at]);
  };
  return {
    counts,
    run(queue) {
      const beatsOnly = ask.durability === 'full' && queue.every(({ verb }) => verb === 'beat');
      try {
        insistOnSameFile();
        if (beatsOnly) db.exec('PRAGMA synchronous = NORMAL');
        if (turnstile.enter(begin, earliest(queue))) together(queue);
        else giveUp(queue, ask, clock.mono());
      } catch (error) {
        fail(queue.splice(0), error);
      } finally {
        if (beatsOnly) db.exec(`PRAGMA synchronous = ${synchronousOf(ask.durability)}`);
      }
    },
  };
}

function earliest(queue: readonly Waiting[]): MonoMs {
  let earliestAt = Number.POSITIVE_INFINITY;
  for (const { givesUpAt } of queue) if (givesUpAt < earliestAt) earliestAt = givesUpAt;
  return monoMs(earliestAt);
}

/** Fails the calls whose patience is over; the others stay. */
function giveUp(queue: Waiting[], ask: OpenAsk, now: MonoMs): void {
  const all = queue.splice(0);
  for (const call of all) {
    if (call.givesUpAt <= now) call.failed(held(ask));
    else queue.push(call);
  }
}

function held({ path, busyPatienceMs }: OpenAsk): HoldfastError {
  const message =
    `store ${path}: another process held it for ${busyPatienceMs} ms; ` +
    '`holdfast doctor` names the process if the system knows it';
  return new HoldfastError('store.busy', message, {
    details: { path, patienceMs: busyPatienceMs },
  });
}

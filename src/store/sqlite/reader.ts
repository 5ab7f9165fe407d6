/**
 * Owns the thread that reads: the entry point of a worker, started at the first read of a store.
 *
 * R1 Its connection cannot write. Each verb sees one snapshot, which holds everything that was
 *    committed before the verb began, so also every write whose promise had resolved when the verb
 *    was called.
 * R2 A long list delays other reads, never a commit.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { HoldfastError } from '../../core/errors.ts';
import { systemClock } from '../../system/clock.ts';
import { bootId } from '../../system/process-table.ts';
import { sendFault } from '../sent-fault.ts';
import { openTxn } from '../verbs/txn.ts';
import { verbs } from '../verbs/verbs.ts';
import { openReader } from './connection.ts';
import { examineFile } from './examine.ts';
import { faultOf } from './faults.ts';
import type { AnyVerb } from './group.ts';
import type { Call, Order, Reply, Setup, Word } from './messages.ts';
import { openTables } from './tables.ts';

const clock = systemClock();

function open(setup: Setup) {
  const db = openReader(setup);
  const tables = openTables(db, () => examineFile(db, setup));
  const boot = bootId();
  const look = ({ verb, args }: Call): unknown => {
    db.exec('BEGIN');
    try {
      tables.begin();
      const moment = { wall: clock.wall(), judge: clock.mono(), boot };
      return (verbs[verb] as AnyVerb)(openTxn(tables, moment), ...args);
    } finally {
      if (db.isTransaction) db.exec('COMMIT');
    }
  };
  const answer = (call: Call): Reply => {
    try {
      return { id: call.id, ok: true, value: look(call) };
    } catch (error) {
      return { id: call.id, ok: false, fault: sendFault(faultOf(error, setup.path)) };
    }
  };
  return { answer, close: () => db.close() };
}

function start(port: MessagePort | null): void {
  if (port === null)
    throw new HoldfastError('internal.defect', 'this file is a worker, no program');
  const setup = workerData as Setup;
  const say = (word: Word): void => port.postMessage(word);
  let store: ReturnType<typeof open>;
  try {
    store = open(setup);
  } catch (error) {
    say({ word: 'refused', fault: sendFault(faultOf(error, setup.path)) });
    port.close();
    return;
  }
  port.on('message', (order: Order) => {
    if (order.order === 'calls') {
      say({ word: 'replies', replies: order.calls.map(store.answer) });
    } else if (order.order === 'close') {
      store.close();
      port.close();
    }
  });
  say({ word: 'open' });
}

start(parentPort);

/**
 * Owns the thread that writes: the entry point of a worker, started by `openSqliteStore` only.
 *
 * W1 One thread of a process writes to a store, over one connection.
 * W2 All that waits at the port goes into the next group; between two groups the event loop turns,
 *    so that heartbeats come in time under any load.
 * W3 It closes only after it has answered everything that came before.
 */
import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from 'node:worker_threads';
import { HoldfastError } from '../../core/errors.ts';
import { systemClock } from '../../system/clock.ts';
import { bootId } from '../../system/process-table.ts';
import { sendFault } from '../sent-fault.ts';
import { type Beats, openBeats } from './beats.ts';
import { openWriter } from './connection.ts';
import { faultOf } from './faults.ts';
import { openGroups, type Waiting } from './group.ts';
import { counterNames, type Order, type Reply, type Setup, type Word } from './messages.ts';
import { filesOf } from './store-path.ts';
import { openTables } from './tables.ts';
import { openTurnstile } from './turnstile.ts';

const clock = systemClock();

function open(setup: Setup) {
  const db = openWriter(setup, clock, setup.unique);
  const tables = openTables(db, () => []);
  const turnstile = openTurnstile(filesOf(setup.path).turn, clock.mono, setup.unique);
  const groups = openGroups({ ask: setup, db, tables, turnstile, clock, boot: bootId() });
  const counters = new BigInt64Array(setup.counters);
  return {
    groups,
    publishCounts(): void {
      const counts = { ...groups.counts, ...turnstile.counts };
      for (const [at, name] of counterNames.entries()) {
        Atomics.store(counters, at, BigInt(counts[name]));
      }
    },
    close(): void {
      turnstile.close();
      db.close();
    },
  };
}

/** Works off what comes in at the port, group by group. */
function serve(port: MessagePort, setup: Setup, store: ReturnType<typeof open>): void {
  const queue: Waiting[] = [];
  const say = (word: Word): void => port.postMessage(word);
  let replies: Reply[] = [];
  let scheduled = false;
  let closing = false;
  const enqueue = (call: Waiting): void => {
    queue.push(call);
    schedule();
  };
  const beats = openBeats(clock, setup.busyPatienceMs, enqueue, say);
  const reply = (one: Reply): void => {
    replies.push(one);
  };

  const turn = (): void => {
    scheduled = false;
    for (;;) {
      const next = receiveMessageOnPort(port);
      if (next === undefined) break;
      closing = obey(next.message as Order, { queue, beats, reply }) || closing;
    }
    if (queue.length > 0) store.groups.run(queue);
    store.publishCounts();
    if (replies.length > 0) say({ word: 'replies', replies });
    replies = [];
    if (queue.length > 0) schedule();
    else if (closing) {
      store.close();
      port.close();
    }
  };
  const schedule = (): void => {
    if (!scheduled) setImmediate(turn);
    scheduled = true;
  };
  port.on('message', (order: Order) => {
    closing = obey(order, { queue, beats, reply }) || closing;
    turn();
  });
  say({ word: 'open' });
}

/** Takes one order in; true says that it was the last. */
function obey(
  order: Order,
  to: { readonly queue: Waiting[]; readonly beats: Beats; reply(one: Reply): void },
): boolean {
  switch (order.order) {
    case 'calls':
      for (const { id, verb, args } of order.calls) {
        to.queue.push({
          verb,
          args,
          givesUpAt: order.givesUpAt,
          done: (value) => to.reply({ id, ok: true, value }),
          failed: (fault) => to.reply({ id, ok: false, fault: sendFault(fault) }),
        });
      }
      return false;
    case 'keep':
      to.beats.keep(order);
      return false;
    case 'drop':
      to.beats.drop(order.keeper);
      to.reply({ id: order.id, ok: true, value: undefined });
      return false;
    case 'close':
      to.beats.dropAll();
      return true;
  }
}

function start(port: MessagePort | null): void {
  if (port === null)
    throw new HoldfastError('internal.defect', 'this file is a worker, no program');
  const setup = workerData as Setup;
  let store: ReturnType<typeof open>;
  try {
    store = open(setup);
  } catch (error) {
    port.postMessage({
      word: 'refused',
      fault: sendFault(faultOf(error, setup.path)),
    } satisfies Word);
    port.close();
    return;
  }
  serve(port, setup, store);
}

start(parentPort);

/**
 * One of the worker processes of the tour: a node on the store, hosting the one function.
 *
 * Runs from `holdFrom` on wait, once begun, for the word to go on. The tour gives it when it has
 * killed one of the workers: so the kill is certain to hit work in flight, and nothing is slowed
 * down but the few runs that are in flight at that moment.
 */
import { once } from 'node:events';
import { Holdfast, type Log } from 'holdfast';
import { measureFunction } from './app.ts';

/** What a worker needs to know, on its command line as JSON. */
export interface WorkerOrder {
  readonly root: string;
  readonly store: string;
  readonly ledgerPath: string;
  readonly node: string;
  readonly holdFrom: number;
}

/** What a worker says, and what it is told. */
export type WorkerFact = { readonly fact: 'ready' } | { readonly fact: 'holding' };
export type WorkerWord = { readonly word: 'go-on' } | { readonly word: 'close' };

const slots = 8;

const order = JSON.parse(process.argv[2] ?? '') as WorkerOrder;
const goOn = Promise.withResolvers<void>();
const close = Promise.withResolvers<void>();

// Ctrl-C reaches the whole group of processes; the tour itself says when to close.
process.on('SIGINT', () => {});
process.on('disconnect', () => close.resolve());
process.on('message', ({ word }: WorkerWord) => {
  goOn.resolve();
  if (word === 'close') close.resolve();
});
const say = (fact: WorkerFact): void => void process.send?.(fact);

const { root, store, ledgerPath, holdFrom, node: name } = order;
const measureFile = measureFunction({
  root,
  ledger: { path: ledgerPath, node: name },
  begun: async ({ n = 0 }, signal) => {
    if (n < holdFrom) return;
    say({ fact: 'holding' });
    await Promise.race([goOn.promise, once(signal, 'abort')]);
  },
});
// That a node died is no news here: the tour tells it at its end.
const log: Log = { log: (level, message) => level === 'error' && console.error(message) };
{
  await using _holdfast = await Holdfast.open({
    store,
    name,
    slots,
    log,
    functions: [measureFile],
  });
  say({ fact: 'ready' });
  await close.promise;
}
// The open channel to the tour would keep this process alive.
if (process.connected) process.disconnect();

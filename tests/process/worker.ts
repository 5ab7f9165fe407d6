/**
 * A node in a process of its own: hosts the functions of these tests, and speaks with the test over
 * IPC. It ends with the test, whatever becomes of that.
 */
import { Holdfast, type Log, type OpenOptions, type RuntimeStats } from 'holdfast';
import { chaosFunctions } from './functions.ts';

/** How the process is to work; on its command line as JSON. */
export interface WorkerOrder {
  readonly store: string;
  readonly ledgerPath: string;
  readonly node: string;
  readonly options: Omit<OpenOptions, 'store' | 'functions' | 'name' | 'log'>;
}

/** What the test asks for. */
export type WorkerAsk =
  | { readonly ask: 'open-gate' | 'stats' | 'close' }
  /** Starts short runs under these ids, which others may start as well. */
  | { readonly ask: 'start'; readonly ids: readonly string[] };

/** What the process says. */
export type WorkerWord =
  | { readonly said: 'ready' | 'returned' }
  | { readonly said: 'stats'; readonly stats: RuntimeStats }
  | { readonly said: 'started'; readonly created: number }
  | { readonly said: 'log'; readonly message: string };

const order = JSON.parse(process.argv[2] ?? '{}') as WorkerOrder;
const say = (word: WorkerWord): void => {
  if (process.connected) process.send?.(word, () => {});
};
const log: Log = { log: (_level, message) => say({ said: 'log', message }) };

const gate = Promise.withResolvers<void>();
const functions = chaosFunctions({
  ledgerPath: order.ledgerPath,
  node: order.node,
  gate: gate.promise,
  // A whole turn later what the handler returned is on its way to the store.
  returning: () => setImmediate(() => say({ said: 'returned' })),
});
const { store, node: name, options } = order;
const hf = await Holdfast.open({ store, functions, name, log, ...options });

let closing = false;
const close = async (): Promise<void> => {
  closing = true;
  await hf.close();
  process.disconnect();
};

async function start(ids: readonly string[]): Promise<void> {
  const runs = await Promise.all(ids.map((id) => hf.start('work', {}, { id })));
  say({ said: 'started', created: runs.filter(({ created }) => created).length });
}

process.on('SIGTERM', () => void close());
process.on('disconnect', () => {
  if (!closing) process.exit(1);
});
process.on('message', (asked: WorkerAsk) => {
  switch (asked.ask) {
    case 'open-gate':
      return gate.resolve();
    case 'stats':
      return say({ said: 'stats', stats: hf.stats() });
    case 'close':
      return void close();
    case 'start':
      return void start(asked.ids);
  }
});
say({ said: 'ready' });

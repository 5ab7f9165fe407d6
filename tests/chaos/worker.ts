/**
 * A node of a chaos run in a process of its own: hosts the functions behind a witness. It waits for
 * a store that cannot be reached, drains when it is asked to end, and ends with whoever started it.
 */
import { Holdfast, type Log, type OpenOptions, type RuntimeStats } from 'holdfast';
import { openRuntime } from '../../src/runtime.ts';
import { seededRandom } from '../../src/testing/index.ts';
import { chaosFunctions } from './functions.ts';
import { openPen, type Pen } from './ledger.ts';
import { pause } from './pause.ts';
import { Straggler } from './straggler.ts';
import { witnessed } from './witness.ts';

/** How a worker is to work; on its command line as JSON. */
export interface WorkerOrder {
  readonly store: string;
  readonly ledgerPath: string;
  /** Which life of which worker. */
  readonly who: string;
  readonly far: boolean;
  readonly plantDouble: boolean;
  readonly options: Pick<OpenOptions, 'slots' | 'leaseTtlMs' | 'drainGraceMs'>;
}

export type WorkerAsk = { readonly ask: 'stats' | 'close' };

export type WorkerWord =
  | { readonly said: 'ready' }
  | { readonly said: 'stats'; readonly stats: RuntimeStats }
  | { readonly said: 'log'; readonly level: string; readonly message: string };

const retryMs = 100;

const order = JSON.parse(process.argv[2] ?? '{}') as WorkerOrder;
const { store, ledgerPath, who, far, plantDouble, options } = order;
const say = (word: WorkerWord): void => {
  if (process.connected) process.send?.(word, () => {});
};
const log: Log = {
  log: (level, message, fields) =>
    say({ said: 'log', level, message: `${message} ${JSON.stringify(fields ?? {})}` }),
};
const pen = openPen(ledgerPath, who);
const straggler = new Straggler(seededRandom(process.pid));
const told = (...[line, at]: Parameters<Pen>): void => {
  pen(line, at);
  if (line.what === 'return' && line.aborted) straggler.returned(line.run, line.fence);
};
const functions = chaosFunctions(Object.assign(told, { close: pen.close }));
const common = { store, functions, name: who, log, ...options };

let closing = false;
process.on('disconnect', () => process.exit(1));
process.on('SIGTERM', () => void close());
process.on('message', ({ ask }: WorkerAsk) => {
  if (ask === 'close') void close();
  else void opened.then((hf) => say({ said: 'stats', stats: hf.stats() }));
});

/** The real surroundings first; then the node on them, with the witness in between. */
async function open(): Promise<Holdfast> {
  for (;;) {
    try {
      const real = await openRuntime({ ...common, execute: false });
      undo.push(() => real.close());
      const world = witnessed(real.lifeline.engine.world, { pen, far, straggler, plantDouble });
      const hf = new Holdfast(await openRuntime({ ...common, execute: true }, world));
      undo.push(() => hf.close());
      return hf;
    } catch (error) {
      await unwind();
      if (closing) process.exit(0);
      log.log('warn', 'the worker cannot open yet', { error: String(error) });
      await pause(retryMs);
    }
  }
}

async function unwind(): Promise<void> {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
}

async function close(): Promise<void> {
  if (closing) return;
  closing = true;
  pen({ what: 'closing' });
  await opened;
  await unwind();
  process.exit(0);
}

const undo: (() => Promise<void>)[] = [];
const opened = open();
await opened;
say({ said: 'ready' });

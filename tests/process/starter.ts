/**
 * A process that starts runs as fast as it can and executes them too, until it is killed. It prints
 * the id of each run once its start has resolved: from then on the run is promised to be there.
 */
import { writeSync } from 'node:fs';
import { Holdfast, type Log } from 'holdfast';
import { chaosFunctions } from './functions.ts';
import type { WorkerOrder } from './worker.ts';

const callers = 8;

const { store, ledgerPath, node, options } = JSON.parse(process.argv[2] ?? '{}') as WorkerOrder;
process.on('disconnect', () => process.exit(1));
const gate = Promise.resolve();
const functions = chaosFunctions({ ledgerPath, node, gate });
// Each life takes over from the one before, and would say so every time.
const log: Log = { log: () => {} };
const hf = await Holdfast.open({ store, functions, name: node, log, ...options });
let next = 0;

async function call(): Promise<never> {
  for (;;) {
    next += 1;
    const { id } = await hf.start('work', {}, { id: `${node}-${next}` });
    writeSync(1, `${id}\n`);
  }
}
await Promise.all(Array.from({ length: callers }, call));

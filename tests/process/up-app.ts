/** The app of the test of `holdfast up`: its gate is a file that the test makes. */
import { existsSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { chaosFunctions } from './functions.ts';

const { CHAOS_LEDGER: ledgerPath = '', CHAOS_GATE: gatePath = '' } = process.env;

const gate = Promise.withResolvers<void>();
const watcher = watch(dirname(gatePath), { persistent: false }, (_event, name) => {
  if (name !== basename(gatePath) || !existsSync(gatePath)) return;
  watcher.close();
  gate.resolve();
});

export const functions = chaosFunctions({
  ledgerPath,
  node: `up-${process.pid}`,
  gate: gate.promise,
});

/**
 * Our side of the takeover: the process that starts the runs and looks after them, and (`worker`)
 * the two that execute. A handler says that it began and then holds its run until it is released.
 */
import { join } from 'node:path';
import { defineFunction, Holdfast } from 'holdfast';
import type { Case, OpenCase } from '../case.ts';
import { numbersFrom } from './numbers.ts';
import type { Numbered, OursParams } from './ours.ts';
import { hostMs } from './waits.ts';

type Params = OursParams & { readonly worker?: boolean; readonly path?: string };

/** That an owner died is what this is about, and no news. */
const silent = { log: () => {} };

export const openCase: OpenCase<Params> = async ({ dir, durability, worker, path }, tell) => {
  const store = { path: path ?? join(dir, `takeover-${durability}.db`) };
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const hold = defineFunction({
    name: 'hold',
    run: ({ n }: Numbered) => {
      tell({ n, atMs: hostMs() });
      return released;
    },
  });
  const hf = await Holdfast.open(
    worker === true
      ? { store, durability, functions: [hold], log: silent }
      : { store, durability, execute: false },
  );
  let runs: readonly { outcome(): Promise<{ readonly kind: string }> }[] = [];
  const opened: Case = {
    async ask(ask) {
      if (ask.do === 'place') return { path: store.path };
      if (ask.do === 'release') {
        release();
        return {};
      }
      if (ask.do === 'start') {
        const numbers = numbersFrom(0, Number(ask.count));
        runs = await Promise.all(numbers.map((n) => hf.start(hold, { n })));
        return {};
      }
      const outcomes = await Promise.all(runs.map((run) => run.outcome()));
      return { succeeded: outcomes.filter(({ kind }) => kind === 'succeeded').length };
    },
    close: () => hf.close(),
  };
  return opened;
};

/**
 * Our side of the idle latency: a node that executes, or (`starterOnly`) a process that only
 * starts on the node's store. Checked: every run arrived once.
 */
import { join } from 'node:path';
import { defineFunction, Holdfast } from 'holdfast';
import { type Case, verify } from '../case.ts';
import type { OursParams } from './ours.ts';
import { hostMs, pause } from './waits.ts';

interface Stamped {
  readonly startedAtMs: number;
}

type Params = OursParams & { readonly starterOnly?: boolean; readonly path?: string };

const PAUSE_MS = 5;

export async function openCase({ dir, durability, starterOnly, path }: Params): Promise<Case> {
  const store = { path: path ?? join(dir, `latency-${durability}.db`) };
  let arrivals: number[] = [];
  const stamp = defineFunction({
    name: 'stamp',
    run: ({ startedAtMs }: Stamped) => {
      arrivals.push(hostMs() - startedAtMs);
    },
  });
  const hf = await Holdfast.open(
    starterOnly === true
      ? { store, durability, execute: false }
      : { store, durability, functions: [stamp] },
  );
  return {
    async ask(ask) {
      if (ask.do === 'place') return { path: store.path };
      if (ask.do === 'collect') {
        const ms = arrivals;
        arrivals = [];
        verify(ms.length === ask.count, `${ask.count} runs arrived, found ${ms.length}`);
        return { ms };
      }
      for (let n = 0; n < Number(ask.count); n += 1) {
        const run = await hf.start(stamp, { startedAtMs: hostMs() });
        await run.result();
        await pause(PAUSE_MS);
      }
      return {};
    },
    close: () => hf.close(),
  };
}

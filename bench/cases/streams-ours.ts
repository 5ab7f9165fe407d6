/**
 * Our side of the streams: a node whose runs emit, or (`reads`) a process that starts runs and
 * reads what they emit. Checked: each stream is there once, whole and in order.
 */
import { join } from 'node:path';
import { defineFunction, Holdfast } from 'holdfast';
import { type Case, verify } from '../case.ts';
import type { OursParams } from './ours.ts';
import { hostMs, pause } from './waits.ts';

interface Stream {
  readonly parts: number;
  readonly everyMs: number;
}

type Params = OursParams & { readonly reads?: boolean; readonly path?: string };

const SLOTS = 1_000;

const stream = defineFunction({
  name: 'stream',
  run: async ({ parts, everyMs }: Stream, ctx) => {
    await pause(Math.random() * everyMs);
    for (let n = 0; n < parts; n += 1) {
      ctx.emit(`${n} ${hostMs()}`);
      await pause(everyMs);
    }
  },
});

export async function openCase({ dir, durability, reads, path }: Params): Promise<Case> {
  const store = { path: path ?? join(dir, `streams-${durability}.db`) };
  const hf = await Holdfast.open(
    reads === true
      ? { store, durability, execute: false }
      : { store, durability, functions: [stream], slots: SLOTS },
  );
  return {
    async ask(ask) {
      if (ask.do === 'place') return { path: store.path };
      const [count, parts] = [Number(ask.count), Number(ask.parts)];
      const input = { parts, everyMs: Number(ask.everyMs) };
      const started = await hf.startMany(
        stream,
        Array.from({ length: count }, () => ({ input })),
      );
      const ms: number[] = [];
      await Promise.all(
        started.map(async (one) => {
          verify(one.ok, 'every start is accepted');
          if (one.ok) await readOne(hf, one.run.id, parts, ms);
        }),
      );
      verify(ms.length === count * parts, `${count * parts} parts were read, found ${ms.length}`);
      return { ms };
    },
    close: () => hf.close(),
  };
}

async function readOne(hf: Holdfast, id: string, parts: number, ms: number[]): Promise<void> {
  let next = 0;
  for await (const { data, offset } of hf.runs.parts(id)) {
    const now = hostMs();
    const [n, at] = String(data).split(' ').map(Number);
    verify(n === next && offset === next, `part ${next} of ${parts} is next`);
    next += 1;
    ms.push(now - (at ?? 0));
  }
}

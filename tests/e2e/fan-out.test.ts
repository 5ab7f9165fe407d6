/** A fan-out of 10,000 children, with what it takes of the memory of the process. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defineFunction, type Holdfast, type RunContext } from 'holdfast';
import { Place } from './runtime-scene.ts';

const children = 10_000;
/** So that all inputs, or all results, take many times of what is allowed. */
const charsEach = 10_000;
const heapBytesMax = 64 * 1_048_576;
const looksEvery = 1_000;

/** What the heap holds, without what is garbage by now. */
function heapLook(): () => number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  return () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
}

describe('a fan-out of ten thousand children', () => {
  it('takes little memory, at its start, while it goes on, and at its end', async (t) => {
    const look = heapLook();
    const seen = { peak: 0, looks: 0, done: 0 };
    const note = (n: number): void => {
      if (n % looksEvery !== 0) return;
      seen.peak = Math.max(seen.peak, look());
      seen.looks += 1;
    };
    const shrink = defineFunction({
      name: 'shrink',
      run: async (image: string) => {
        seen.done += 1;
        note(seen.done);
        return image.toLowerCase();
      },
    });
    async function* images() {
      for (let n = 0; n < children; n += 1) {
        note(n);
        yield `${n}:${'X'.repeat(charsEach)}`;
      }
    }
    const fanOut = defineFunction({
      name: 'fan-out',
      run: async (_input: null, ctx: RunContext) => {
        const all = await ctx.all(shrink, images());
        let chars = 0;
        for await (const { index, value } of all.outcomes()) {
          note(index);
          assert.ok(value?.startsWith(`${index}:x`));
          chars += value?.length ?? 0;
        }
        return { count: all.count, failed: all.failed, chars };
      },
    });
    const place = await Place.make();
    try {
      const options = { slots: 64, durability: 'relaxed' } as const;
      const hf: Holdfast = await place.open({ functions: [fanOut, shrink], ...options });
      const before = look();
      const run = await hf.start(fanOut, null);
      const { count, failed, chars } = await run.result({ timeoutMs: 240_000 });
      assert.deepEqual([count, failed], [children, 0]);
      assert.ok(chars > children * charsEach);
      const grew = seen.peak - before;
      t.diagnostic(`the heap grew by ${(grew / 1_048_576).toFixed(1)} MiB, of ${seen.looks} looks`);
      assert.ok(seen.looks >= (3 * children) / looksEvery, String(seen.looks));
      assert.ok(grew < heapBytesMax, `the heap grew by ${grew} bytes`);
      assert.equal((await run.get())?.children, children);
    } finally {
      await place.remove();
    }
  });
});

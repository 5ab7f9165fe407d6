/** Children through the public interface, on every store, on real time, in the open and sealed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ChildError, defineFunction, Holdfast, type RunContext } from 'holdfast';
import { cipherOf, places, secret } from './codec-scene.ts';

const patience = { timeout: 60_000 };
const retry = { attemptsMax: 3, delayMs: 1, jitter: 0 } as const;

const shout = defineFunction({
  name: 'shout',
  retry: false,
  run: async (word: string) => {
    if (word === '') throw new Error(`nothing to shout, ${secret}`);
    return word.toUpperCase();
  },
});

const endless = defineFunction({
  name: 'endless',
  run: async (_input: null, { signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
});

const choir = defineFunction({
  name: 'choir',
  retry,
  run: async (words: readonly string[], ctx: RunContext) => {
    const [first, last] = await Promise.all([
      ctx.start(shout, `first ${secret}`),
      ctx.start('shout', ''),
    ]);
    const all = await ctx.all(shout, words, { name: 'words' });
    if (ctx.attempt < 3) throw new Error('once more');
    const error = await last.result().catch((thrown: unknown) => thrown);
    assert.ok(error instanceof ChildError);
    return { first: await first.result(), why: error.message, values: await all.values() };
  },
});

const holder = defineFunction({
  name: 'holder',
  run: async (_input: null, ctx) => (await ctx.start(endless, null)).result(),
});

const functions = [choir, shout, endless, holder];

/** Looks until it holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

const kinds = {
  ...places,
  memory: async () => ({
    store: 'memory:',
    contents: async () => '',
    [Symbol.asyncDispose]: async () => {},
  }),
};

for (const [kind, open] of Object.entries(kinds)) {
  for (const codec of [null, { cipher: cipherOf('one') }]) {
    const how = codec === null ? 'in the open' : 'sealed';
    describe(`children on a store of the kind ${kind}, ${how}`, patience, () => {
      const openOn = (store: string) =>
        Holdfast.open({ store, functions, drainGraceMs: 0, ...(codec !== null && { codec }) });

      it('are started once, waited for, and give what they gave', async () => {
        await using place = await open();
        await using hf = await openOn(place.store);
        const words = Array.from({ length: 40 }, (_, n) => `${secret} ${n}`);
        const run = await hf.start(choir, words, { id: 'the choir' });
        const { first, why, values } = await run.result();
        assert.equal(first, `first ${secret}`.toUpperCase());
        assert.match(why, new RegExp(`ended as failed: nothing to shout, ${secret}`));
        assert.deepEqual(
          values,
          words.map((word) => word.toUpperCase()),
        );
        const { children, next } = await hf.runs.children(run.id, { limit: 1_000 });
        assert.deepEqual([children.length, next], [42, null]);
        assert.equal((await hf.runs.counts()).done, 43);
        const failed = children.find(({ outcome }) => outcome?.kind === 'failed');
        assert.equal(failed?.outcome?.error?.message, `nothing to shout, ${secret}`);
        if (codec === null) return;
        const contents = await place.contents();
        assert.ok(!contents.includes(secret) && !contents.includes(secret.toUpperCase()));
      });

      it('are cancelled with their parent, within moments', async () => {
        await using place = await open();
        await using hf = await openOn(place.store);
        const run = await hf.start(holder, null);
        await until(async () => (await hf.runs.children(run.id)).children[0]?.status === 'running');
        await until(async () => (await run.get())?.status === 'parked');
        const { sentence } = await hf.runs.explain(run.id);
        assert.match(sentence, /1 of its children has not ended/);
        await run.cancel('enough');
        await until(async () => {
          const { children } = await hf.runs.children(run.id);
          return children[0]?.outcome?.kind === 'cancelled';
        });
      });
    });
  }
}

/** Types of children flow from their definitions: what does not fit does not compile. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction } from '../../src/define-function.ts';
import type { Child, Children } from '../../src/engine/durable/child-words.ts';
import type { RunContext } from '../../src/engine/run-context.ts';

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for `true`. */
function holds<Claim extends true>(claim: Claim): void {
  assert.equal(claim, true);
}

const resize = defineFunction({
  name: 'resize',
  run: async ({ width }: { readonly width: number }) => ({ bytes: width * 2 }),
});

/** Never called: it only has to compile. */
async function parent(ctx: RunContext): Promise<void> {
  const child = await ctx.start(resize, { width: 1 });
  holds<Same<typeof child, Child<{ bytes: number }>>>(true);
  const value = await child.result();
  holds<Same<typeof value, { bytes: number }>>(true);
  // @ts-expect-error a width is a number
  await ctx.start(resize, { width: 'wide' });
  const all = await ctx.all(resize, [{ width: 1 }]);
  holds<Same<typeof all, Children<{ bytes: number }>>>(true);
  for await (const one of all.outcomes()) {
    holds<Same<typeof one.value, { bytes: number } | null>>(true);
  }
  // @ts-expect-error each input has a width
  await ctx.all(resize, [{ height: 1 }]);
  const named = await ctx.start('resize', 7);
  holds<Same<typeof named, Child<unknown>>>(true);
  // @ts-expect-error there is no such word
  await ctx.start(resize, { width: 1 }, { close: 'forget' });
}

describe('the types of children', () => {
  it('are those of their definitions', () => {
    assert.equal(typeof parent, 'function');
  });
});

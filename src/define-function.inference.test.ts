/**
 * What the compiler knows of functions, runs and results. `tsc` checks the assertions; running the
 * file only shows that it holds together.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { defineFunction, type FunctionDefinition } from './define-function.ts';
import type { Holdfast } from './holdfast.ts';
import type { RunHandle } from './runtime/run-handle.ts';

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for `true`. */
function holds<Claim extends true>(claim: Claim): void {
  assert.equal(claim, true);
}

const resize = defineFunction({
  name: 'image.resize',
  input: z.object({
    file: z.string(),
    width: z.string().transform(Number),
    tags: z.string().optional(),
  }),
  lane: (input) => (input.width > 100 ? input.file : null),
  tenant: (input) => input.file,
  priority: (input) => input.width,
  tags: (input) => [input.file],
  run: async (input, ctx) => ({ ...input, attempt: ctx.attempt, aborted: ctx.signal.aborted }),
});

const greet = defineFunction({
  name: 'greet',
  run: (input: { name: string }) => input.name.length,
});

type Returned<F> = F extends (...args: never) => infer R ? R : never;

describe('types', () => {
  it('take the name as written', () => {
    holds<Same<(typeof resize)['name'], 'image.resize'>>(true);
  });

  it('flow from the schema: its input to callers, its output to the handler and back', () => {
    type In = { file: string; width: string; tags?: string | undefined };
    type Out = {
      attempt: number;
      aborted: boolean;
      file: string;
      width: number;
      tags?: string | undefined;
    };
    holds<Same<typeof resize, FunctionDefinition<'image.resize', In, Out>>>(true);
  });

  it('come from the handler where there is no schema', () => {
    holds<Same<typeof greet, FunctionDefinition<'greet', { name: string }, number>>>(true);
  });

  it('reach whoever starts and waits', () => {
    const use = async (hf: Holdfast) => {
      const run = await hf.start(greet, { name: 'Ada' });
      holds<Same<typeof run, RunHandle<number>>>(true);
      const many = await hf.startMany(greet, [{ input: { name: 'Ada' }, delayMs: 5 }]);
      const [one] = many;
      if (one?.ok) holds<Same<typeof one.run, RunHandle<number>>>(true);
      const named = await hf.start('greet', 'anything');
      holds<Same<typeof named, RunHandle<unknown>>>(true);
      // @ts-expect-error The input has no name.
      await hf.start(greet, {});
      // @ts-expect-error Width is text before the schema transforms it.
      await hf.start(resize, { file: 'a', width: 5 });
      // @ts-expect-error No such option.
      await hf.start(greet, { name: 'Ada' }, { delay: 5 });
      return run.result();
    };
    holds<Same<Returned<typeof use>, Promise<number>>>(true);
  });

  it('let any definition be hosted', () => {
    const functions: NonNullable<Parameters<typeof Holdfast.open>[0]['functions']> = [
      resize,
      greet,
    ];
    assert.equal(functions.length, 2);
  });
});

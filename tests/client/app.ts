/** Functions for tests of the client, as an app module exports them. */
import { defineFunction } from 'holdfast';
import { z } from 'zod';

/** By name. */
export const greet = defineFunction({
  name: 'greet',
  input: z.string(),
  run: (name) => `hello ${name}`,
});

/** Makes a stream of texts, and bytes behind them. */
export const speak = defineFunction({
  name: 'speak',
  run: (words: readonly string[], ctx) => {
    for (const word of words) ctx.emit(word);
    ctx.emit(new Uint8Array([0, 255]));
  },
});

/** In an object, with a schema that transforms. */
export const shop = {
  ship: defineFunction({
    name: 'order.ship',
    input: z.object({ order: z.int(), at: z.string().transform(Number) }),
    run: ({ order, at }) => ({ order, at, shipped: true }),
  }),
};

/** In an array. */
export const rest = [
  defineFunction({ name: 'tick', run: () => 7 }),
  defineFunction({
    name: 'fail',
    retry: { attemptsMax: 1 },
    run: (): never => {
      throw new Error('no such thing');
    },
  }),
];

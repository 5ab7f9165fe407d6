/** An app that is called, told something and watched while it runs. */
import { defineFunction, defineScript, type RunContext } from 'holdfast';

export const add = defineFunction({
  name: 'exchange.add',
  run: ([a, b]: [number, number]) => a + b,
});

const open = new Map<string, PromiseWithResolvers<string>>();

/** Waits until `release` names it. */
export const hold = defineFunction({
  name: 'exchange.hold',
  lane: 'exchange',
  run: async (name: string, { signal }) => {
    const held = Promise.withResolvers<string>();
    open.set(name, held);
    signal.addEventListener('abort', () => held.reject(signal.reason));
    return held.promise;
  },
});

export const release = defineFunction({
  name: 'exchange.release',
  run: (name: string) => {
    open.get(name)?.resolve(`released ${name}`);
    return open.delete(name);
  },
});

export const fail = defineFunction({
  name: 'exchange.fail',
  run: (): never => {
    throw new Error('nothing to exchange');
  },
});

/** Books seats, and says nothing to `mumble`. */
export const desk = defineFunction({
  name: 'exchange.desk',
  signals: { book: null, mumble: null },
  run: async (seats: number, ctx: RunContext) => {
    for (let free = seats; free > 0; free -= 1) {
      await (await ctx.waitForSignal('book'))?.accept({ free: free - 1 });
    }
    return 'sold out';
  },
});

export const plus = defineScript({
  name: 'exchange.plus',
  language: 'lua',
  source: 'return input + 1',
});

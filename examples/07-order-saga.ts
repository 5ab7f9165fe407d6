/**
 * An order as a saga: each step has a deed that takes it back, and when a later step fails for
 * good, or the order is cancelled, what was done is undone in the opposite order. All of it
 * survives a crash at any point, because each step is kept before the next one begins.
 *
 *   npm exec -- node --conditions=holdfast-source examples/07-order-saga.ts
 */
import { setTimeout } from 'node:timers/promises';
import { defineFunction, Holdfast, NonRetryableError, type RunContext, StepError } from 'holdfast';

interface Order {
  readonly id: number;
  readonly item: string;
}

/** The world outside. Real systems get `${ctx.runId}/${key}` as their idempotency key. */
const outside: string[] = [];
const tell = (line: string): string => {
  outside.push(line);
  return line;
};

/** What takes back the steps that were done, last first. */
class Compensations {
  readonly #deeds: [name: string, undo: () => unknown][] = [];

  add(name: string, undo: () => unknown): void {
    this.#deeds.unshift([name, undo]);
  }

  /** As steps: a crash in the middle goes on with what is left. */
  async undo(ctx: RunContext): Promise<void> {
    for (const [name, undo] of this.#deeds) await ctx.step(`undo ${name}`, undo);
  }
}

const placeOrder = defineFunction({
  name: 'order.place',
  retry: { attemptsMax: 3, delayMs: 5 },
  run: async ({ id, item }: Order, ctx) => {
    const done = new Compensations();
    try {
      await ctx.step('reserve', () => tell(`reserve ${item} for ${id}`));
      done.add('reserve', () => tell(`release ${item} of ${id}`));
      await ctx.step('charge', () => tell(`charge ${id}`));
      done.add('charge', () => tell(`refund ${id}`));
      await ctx.waitFor('packed', { match: { id }, timeoutMs: 60_000 });
      await ctx.step('ship', ({ tries }) => {
        if (item === 'piano') throw new NonRetryableError('too heavy', { code: 'ship.refused' });
        if (tries === 1) throw new Error('the carrier does not answer');
        return tell(`ship ${item} to ${id}`);
      });
      return 'shipped';
    } catch (error) {
      // What a step says ends the order, and a cancel; a stop of this node, say, does not.
      const refused = error instanceof StepError;
      if (!refused && !ctx.signal.aborted) throw error;
      await done.undo(ctx);
      if (!refused) throw error;
      return `given up: ${error.message} [${error.code}]`;
    }
  },
});

await using hf = await Holdfast.open({ store: 'memory:', functions: [placeOrder] });
for (const item of ['lamp', 'piano']) {
  const run = await hf.start(placeOrder, { id: item.length, item }, { id: `order-${item}` });
  await hf.emit('packed', { id: item.length });
  console.log(`${item}: ${await run.result()}`);
  const { steps } = await hf.runs.steps(run.id);
  for (const { key, state, tries } of steps) console.log(`  ${key} ${state} after ${tries}`);
}
// Nobody packs this one. It waits without a slot, and cleans up when it is cancelled.
const order = await hf.start(placeOrder, { id: 6, item: 'mirror' }, { id: 'order-mirror' });
while ((await order.get())?.status !== 'parked') await setTimeout(5);
await order.cancel('no longer wanted');
console.log(`mirror: ${(await order.outcome()).kind}`);
console.log(`outside: ${outside.join(', ')}`);

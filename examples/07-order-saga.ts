/**
 * An order as a saga: each step has a deed that takes it back, and when a later step fails for
 * good, what was done is undone in the opposite order. All of it survives a crash at any point,
 * because each step is kept before the next one begins.
 *
 *   npm exec -- node --conditions=holdfast-source examples/07-order-saga.ts
 */
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
      await ctx.step('ship', ({ tries }) => {
        if (item === 'piano') throw new NonRetryableError('too heavy', { code: 'ship.refused' });
        if (tries === 1) throw new Error('the carrier does not answer');
        return tell(`ship ${item} to ${id}`);
      });
      return 'shipped';
    } catch (error) {
      // Only what a step says ends the order; a stop of this node, say, does not.
      if (!(error instanceof StepError)) throw error;
      await done.undo(ctx);
      return `given up: ${error.message} [${error.code}]`;
    }
  },
});

await using hf = await Holdfast.open({ store: 'memory:', functions: [placeOrder] });
for (const item of ['lamp', 'piano']) {
  const run = await hf.start(placeOrder, { id: item.length, item }, { id: `order-${item}` });
  console.log(`${item}: ${await run.result()}`);
  const { steps } = await hf.runs.steps(run.id);
  for (const { key, state, tries } of steps) console.log(`  ${key} ${state} after ${tries}`);
}
console.log(`outside: ${outside.join(', ')}`);

/**
 * A node in a process of its own whose function takes batches. It says over IPC when a batch is in
 * the middle: half of its items have their verdict, and the others get theirs when it is told.
 */
import { appendFileSync } from 'node:fs';
import { type BatchItem, defineBatchFunction, Holdfast } from 'holdfast';

/** On its command line as JSON. */
export interface BatchOrder {
  readonly store: string;
  readonly witness: string;
  /** Whether it stops in the middle of its first batch. */
  readonly stalls: boolean;
}

/** Where the process is. */
export type BatchWord = { readonly said: 'ready' | 'half' };

export const batchMax = 6;

/** Without a witness it can be started and not executed. */
export const halves = (order: BatchOrder | null, say: (word: BatchWord) => void) =>
  defineBatchFunction({
    name: 'halves',
    batch: { max: batchMax, waitMs: 50 },
    run: async (items: readonly BatchItem<number, number>[]) => {
      for (const [at, item] of items.entries()) {
        if (order === null) continue;
        if (order.stalls && at === items.length / 2) {
          say({ said: 'half' });
          await new Promise(() => {});
        }
        appendFileSync(order.witness, `${item.input} ${item.attempt}\n`);
        item.succeed(item.input * 2);
      }
    },
  });

if (process.argv[2] !== undefined && process.send !== undefined) {
  const order = JSON.parse(process.argv[2]) as BatchOrder;
  const say = (word: BatchWord): void => {
    if (process.connected) process.send?.(word, () => {});
  };
  const hf = await Holdfast.open({ store: order.store, functions: [halves(order, say)] });
  process.on('disconnect', () => process.exit(1));
  process.on('SIGTERM', () => {
    void hf.close().then(() => process.disconnect());
  });
  say({ said: 'ready' });
}

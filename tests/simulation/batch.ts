/**
 * Owns what the function of the simulated world does that takes many runs at once: verdicts one by
 * one, failures, and items that it forgets.
 */
import type { BatchItem } from '../../src/engine/batch-words.ts';
import { seededRandom } from '../../src/testing/index.ts';
import type { SimInput } from './behaviour.ts';
import type { Execution } from './ledger.ts';
import type { SimProcess } from './sim-process.ts';
import type { SimWorld } from './sim-world.ts';

export const batchMax = 3;

interface Begun {
  readonly item: BatchItem;
  readonly execution: Execution;
}

/** Carries one batch out. */
export async function runBatch(
  items: readonly BatchItem[],
  world: SimWorld,
  process: SimProcess,
): Promise<void> {
  if (items.length > 1) world.marks.add('batch of several');
  const begun = items.flatMap((item) => begin(item, world, process));
  for (const { item, execution } of begun) {
    const { dice } = item.input as SimInput;
    const random = seededRandom(dice * 7_000 + item.attempt);
    await new Promise<void>((resolve) => {
      process.main.after(random.between(0, 900), resolve);
    });
    const mends = item.attempt > 2 || random.chance(0.6);
    // Its verdict frees its slot, whatever the others do.
    world.ledger.end(execution);
    if (item.signal.aborted) item.fail(item.signal.reason);
    else if (!mends && random.chance(0.5)) item.fail(new Error('this item fails'));
    else if (mends) {
      world.ledger.effect(execution);
      item.succeed({ fence: execution.fence, attempt: item.attempt });
    }
  }
}

/** Nothing, where it is not known under which fence. */
function begin(item: BatchItem, world: SimWorld, process: SimProcess): readonly Begun[] {
  const { runId, attempt, signal } = item;
  const { node } = process;
  const fence = world.fenceOf(runId, attempt, node);
  if (fence === undefined) return [];
  const lane = world.rowOf(runId)?.lane ?? null;
  const execution = {
    ...{ runId, fence, attempt, lane, place: process, node, signal },
    ...{ once: false, durable: false },
  };
  world.ledger.begin(execution);
  return [{ item, execution }];
}

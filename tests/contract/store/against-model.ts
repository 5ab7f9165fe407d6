/**
 * Random sequences of verbs on one store, against the obvious model.
 *
 * A failure prints the seed and the path. To replay it, and to run more than the default:
 *   MODEL_SEED=… MODEL_PATH=… MODEL_REPLAY=… MODEL_RUNS=… npm test -- model.test
 */
import fc from 'fast-check';
import type { Store } from '../../../src/ports/store.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { Model } from './model.ts';
import { commands } from './model-commands.ts';
import { Real } from './model-real.ts';
import { Scene } from './scene.ts';

const { MODEL_RUNS, MODEL_SEED, MODEL_PATH, MODEL_REPLAY } = process.env;
const commandsMax = 80;
const clock = systemClock();

/** Runs sequences on the store, and looks at the store in the end. */
export async function againstModel(store: Store, numRuns: number): Promise<void> {
  const world = { now: clock.wall, pass: async () => {}, connect: async () => store };
  const scene = new Scene({ ...world, store, close: async () => {} });
  let sequences = 0;
  const property = fc.asyncProperty(commands(commandsMax, MODEL_REPLAY), async (sequence) => {
    sequences += 1;
    const real = new Real(scene, `s${sequences}`);
    await real.open();
    try {
      await fc.asyncModelRun(() => ({ model: new Model(), real }), sequence);
    } finally {
      await real.clear();
    }
  });
  await fc.assert(property, {
    numRuns: MODEL_RUNS === undefined ? numRuns : Number(MODEL_RUNS),
    ...(MODEL_SEED === undefined ? {} : { seed: Number(MODEL_SEED) }),
    ...(MODEL_PATH === undefined ? {} : { path: MODEL_PATH }),
  });
  await scene.nothingIsWrong();
}

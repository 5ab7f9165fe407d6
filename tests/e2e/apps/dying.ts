/** Two functions whose process dies once both execute, if it is started with `die` and a store. */
import { defineFunction, Holdfast } from 'holdfast';

const [, , word, store] = process.argv;
const dies = word === 'die';
let begun = 0;

const run = (): unknown => {
  begun += 1;
  if (!dies) return 'alive';
  if (begun === 2) process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
};

export const fragile = defineFunction({ name: 'fragile', lane: 'glass', run });
/** Set aside after one crash. */
export const broken = defineFunction({ name: 'broken', crashesMax: 1, run });

if (dies && store !== undefined) {
  const hf = await Holdfast.open({ store, functions: [fragile, broken] });
  await hf.start(broken, null, { id: 'broken' });
  await (await hf.start(fragile, null, { id: 'fragile' })).result();
}

/**
 * Random load on calls by hand.
 *
 *   npm run soak:calls                                 two minutes
 *   npm run soak:calls -- --minutes 10 --seed 7
 */
import { parseArgs } from 'node:util';
import { soak } from './soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
  },
});
const seconds = Number(values.minutes) * 60;
const seed = Number(values.seed);
if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
  console.error('give numbers: --minutes 2 --seed 1');
  process.exit(2);
}
const { calls, outcomes, faults, stats, heap } = await soak({
  ...{ seed, seconds, say: (line) => console.log(line) },
});
console.log(`${calls} calls`, outcomes);
console.log(stats);
console.log(`heap: ${heap.map((bytes) => `${Math.round(bytes / 1_048_576)} MiB`).join(' -> ')}`);
for (const fault of faults) console.error(fault);
console.log(faults.length === 0 ? 'nothing is left' : `${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);

/**
 * Fuzzes the parser of the line protocol by hand.
 *
 *   npm run fuzz:stdio                               one minute
 *   npm run fuzz:stdio -- --seconds 600 --seed 7
 */
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
  },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed);
if (!Number.isSafeInteger(seconds) || !Number.isSafeInteger(seed)) {
  console.error('give whole numbers: --seconds 60 --seed 1');
  process.exit(2);
}
const { inputs, faults } = fuzz({ seed, seconds, say: (line) => console.log(line) });
console.log(`${inputs} inputs, ${faults.length} faults`);
for (const fault of faults) console.error(fault);
process.exit(faults.length === 0 ? 0 : 1);

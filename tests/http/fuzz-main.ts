/**
 * Fuzzes the HTTP API by hand.
 *
 *   npm run fuzz:http                                two minutes
 *   npm run fuzz:http -- --seconds 600 --seed 7
 *   npm run fuzz:http -- --seed 7 --from 123 --count 1   one request again
 */
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    count: { type: 'string' },
  },
});

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} ${text}: give a whole number, such as --${name} 100`);
  process.exit(2);
}

const report = await fuzz({
  seed: whole('seed', values.seed),
  seconds: whole('seconds', values.seconds),
  from: whole('from', values.from),
  ...(values.count === undefined ? {} : { count: whole('count', values.count) }),
  say: (line) => console.log(line),
});
console.log(`${report.requests} requests`, report.statuses);
for (const failure of report.failures) console.error(failure);
process.exit(report.failures.length === 0 ? 0 : 1);

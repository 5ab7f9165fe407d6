/**
 * Runs seeds of the simulation by hand.
 *
 *   npm run sim                             1,000 seeds from 1
 *   npm run sim -- --seeds 10000 --from 500
 *   npm run sim -- --kind cluster           all worlds of one kind: host, cluster or lossy
 *   npm run sim -- --seed 123 --trace       one seed, everything that happens in it printed
 */
import { parseArgs } from 'node:util';
import { type WorldKind, worldKinds } from './kinds.ts';
import { Marks } from './marks.ts';
import { explainFailure, replayCommand } from './replay.ts';
import { scenarioOf } from './scenario.ts';
import { type Report, simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    kind: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} ${text}: give a whole number, such as --${name} 100`);
  process.exit(2);
}

function kindAsked(): WorldKind | undefined {
  const kind = worldKinds.find((one) => one === values.kind);
  if (values.kind === undefined || kind !== undefined) return kind;
  console.error(`--kind ${values.kind}: give one of ${worldKinds.join(', ')}`);
  process.exit(2);
}

const kind = kindAsked();
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

async function one(seed: number): Promise<number> {
  const scenario = scenarioOf(seed, kind);
  console.log({ ...scenario, faults: [...scenario.faults], meddlings: [...scenario.meddlings] });
  const echo = (line: string): void => console.log(line);
  const report = await simulate(seed, values.trace ? { echo } : {}, scenario);
  const { hash, steps, runs, virtualMs, outcomes } = report;
  console.log(`seed=${seed} hash=${hash} steps=${steps} runs=${runs} virtual_ms=${virtualMs}`);
  console.log(outcomes);
  if (report.violations.length === 0) return 0;
  console.error(explainFailure(report));
  return 1;
}

async function many(from: number, count: number): Promise<number> {
  const started = now();
  const failed: Report[] = [];
  const sum = { steps: 0, runs: 0, virtualMs: 0 };
  const marks = new Marks();
  for (let seed = from; seed < from + count; seed += 1) {
    const report = await simulate(seed, {}, scenarioOf(seed, kind));
    sum.steps += report.steps;
    sum.runs += report.runs;
    sum.virtualMs += report.virtualMs;
    marks.addAll(report.marks);
    if (report.violations.length > 0) {
      failed.push(report);
      console.error(explainFailure(report));
    }
    if ((seed - from + 1) % 500 === 0) console.error(`${seed - from + 1} of ${count} seeds`);
  }
  const seconds = (now() - started) / 1_000;
  const days = (sum.virtualMs / 86_400_000).toFixed(1);
  console.log(
    `sim: seeds=${count} from=${from} failed=${failed.length} ` +
      `runs=${sum.runs} steps=${sum.steps} ` +
      `virtual_days=${days} seconds=${seconds.toFixed(1)}`,
  );
  console.log([...marks.all].map(([what, times]) => `${what}=${times}`).join(' '));
  for (const report of failed) console.log(replayCommand(report));
  return failed.length === 0 ? 0 : 1;
}

process.exitCode =
  values.seed === undefined
    ? await many(whole('from', values.from), whole('seeds', values.seeds))
    : await one(whole('seed', values.seed));

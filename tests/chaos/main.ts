/**
 * Runs chaos by hand and in the full check.
 *
 *   npm run chaos                                 two minutes on a Postgres of its own
 *   npm run chaos -- --seconds 600 --seed 7
 *   npm run chaos -- --store sqlite --seconds 30
 *   npm run chaos -- --seconds 20 --plant-double  must fail: the auditor is tried
 *   npm run chaos -- --audit <folder>             judges a run that was kept once more
 */
import { parseArgs } from 'node:util';
import { audit } from './auditor.ts';
import { type ChaosReport, chaos, keptEvidence, sweepUp } from './chaos.ts';
import { missing } from './consequences.ts';
import { idleKinds } from './nemesis.ts';

/** The full check lives through so much of it. */
const checkSeconds = 120;
/** From so many seconds on every kind of fault must have taken effect. */
const allFaultsSeconds = checkSeconds;
const shownMax = 40;
/** How long the process may take to end when all is over. */
const endMsMax = 10_000;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seconds: { type: 'string', default: String(checkSeconds) },
    store: { type: 'string', default: 'postgres' },
    workers: { type: 'string', default: '4' },
    starters: { type: 'string', default: '2' },
    callers: { type: 'string', default: '10' },
    'plant-double': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    audit: { type: 'string' },
  },
});

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} ${text}: give a whole number, such as --${name} 100`);
  process.exit(2);
}

function storeOf(text: string): 'sqlite' | 'postgres' {
  if (text === 'sqlite' || text === 'postgres') return text;
  console.error(`--store ${text}: give sqlite or postgres`);
  process.exit(2);
}

process.exitCode = values.audit === undefined ? await live() : await again(values.audit);
// Everything was closed: whatever keeps this process alive was left behind by somebody.
const overdue = setTimeout(() => {
  console.error('VIOLATION left open:', process.getActiveResourcesInfo().join(', '));
  process.exit(1);
}, endMsMax);
overdue.unref();

/** Lives through a run, and judges it. */
async function live(): Promise<number> {
  const store = storeOf(values.store);
  const seed = whole('seed', values.seed ?? String(process.hrtime.bigint() % 1_000_000n));
  const seconds = whole('seconds', values.seconds);
  console.log(`chaos: npm run chaos -- --seed ${seed} --seconds ${seconds} --store ${store}`);
  const report = await chaos({
    ...{ seed, seconds, store, plantDouble: values['plant-double'] },
    workers: whole('workers', values.workers),
    starters: whole('starters', values.starters),
    callers: whole('callers', values.callers),
  });
  tell(report);
  const failures = [...report.finding.violations, ...untested(report, seconds, store)];
  if (failures.length === 0 && !values.keep) await sweepUp(report.folder);
  else console.log(`the evidence is kept in ${report.folder}`);
  console.log(`chaos: seed=${seed} seconds=${seconds} violations=${failures.length}`);
  return complain(failures);
}

async function again(folder: string): Promise<number> {
  const { violations, judged } = audit(await keptEvidence(folder));
  console.log('judged:', JSON.stringify(judged));
  return complain(violations);
}

function complain(failures: readonly string[]): number {
  for (const what of failures.slice(0, shownMax)) console.error(`VIOLATION ${what}`);
  if (failures.length > shownMax) console.error(`and ${failures.length - shownMax} more`);
  return failures.length === 0 ? 0 : 1;
}

/** A fault that took no effect, or led to nothing, has tested nothing. */
function untested(
  { finding, tally }: ChaosReport,
  seconds: number,
  store: 'sqlite' | 'postgres',
): readonly string[] {
  if (seconds < allFaultsSeconds) return [];
  return [
    ...idleKinds(tally).map((kind) => `the fault '${kind}' never took effect`),
    ...missing(finding.consequences, store).map((what) => `it never came to this: ${what}`),
  ];
}

/** Prints what happened. */
function tell({ finding, evidence, tally, crew, settledMs, doctor }: ChaosReport): void {
  const outcomes = new Map<string, number>();
  for (const { seen } of evidence.runs) {
    const word = seen.outcome ?? seen.status;
    outcomes.set(word, (outcomes.get(word) ?? 0) + 1);
  }
  console.log(`runs: ${evidence.runs.length}; all at rest ${settledMs.toFixed(0)} ms after`);
  for (const [word, count] of [...outcomes].sort()) console.log(`  ${word} ${count}`);
  console.log('faults, tried and how often they took effect:');
  for (const [kind, { tried, took }] of tally) console.log(`  ${kind} ${tried} ${took}`);
  console.log('what they led to:');
  for (const [what, count] of finding.consequences) console.log(`  ${what} ${count}`);
  for (const found of doctor) console.log(`the doctor says: ${found}`);
  console.log('judged:', JSON.stringify(finding.judged), `lines=${evidence.lines.length}`);
  console.log('said by workers:');
  for (const [what, count] of [...crew.said].sort()) console.log(`  ${count} × ${what}`);
}

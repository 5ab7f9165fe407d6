/**
 * The mutation gate: takes the guards of the product out, one by one, and expects the suite to
 * fail.
 *
 *   npm run mutation                  every guard
 *   npm run mutation -- fence lane    only those with one of the words in their name
 *   npm run mutation -- --stage simulation    what one part of the suite notices by itself
 *
 * Exit code 0: every mutant was killed. 1: one survived, or the suite fails without any mutant.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { serverVariable, startTestCluster } from '../postgres/server.ts';
import { allMutants } from './all-mutants.ts';
import { copyTree } from './copy.ts';
import type { Mutant } from './mutants.ts';
import { aloneStages, runStage, type StageName, serverStages, stageNames } from './stages.ts';

interface Result {
  readonly mutant: Mutant;
  /** The stage and the test that noticed, or null. */
  readonly killedBy: string | null;
  readonly ms: number;
}

const { values, positionals: words } = parseArgs({
  options: { stage: { type: 'string' } },
  allowPositionals: true,
});
const stagesUsed = stageNames.filter((name) => values.stage === undefined || name === values.stage);

async function main(): Promise<number> {
  if (stagesUsed.length === 0) {
    console.error(`no stage '${values.stage}'; there are ${stageNames.join(', ')}`);
    return 1;
  }
  const wanted = allMutants.filter(
    ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
  );
  if (wanted.length === 0) {
    console.error(`no mutant's name contains: ${words.join(', ')}`);
    return 1;
  }
  const server = await serverFor(wanted);
  try {
    return await takeOut(wanted);
  } finally {
    await server?.dispose();
  }
}

/** One server for all, unless there is one already or nobody needs it. */
async function serverFor(wanted: readonly Mutant[]) {
  if (!wanted.some(onServer) || process.env[serverVariable]) return null;
  const { cluster, url } = await startTestCluster();
  process.env[serverVariable] = url;
  return cluster;
}

const onServer = ({ stage }: Mutant): boolean => stage !== undefined && serverStages.has(stage);

async function takeOut(wanted: readonly Mutant[]): Promise<number> {
  if (!(await suiteIsGreen(wanted))) return 1;
  const queue = [...wanted];
  const results: Result[] = [];
  const workers = Math.max(1, Math.min(2, availableParallelism()));
  await Promise.all(Array.from({ length: workers }, () => work(queue, results)));
  return report(wanted, results);
}

/** Without a mutant everything must pass: else a failure would prove nothing. */
async function suiteIsGreen(wanted: readonly Mutant[]): Promise<boolean> {
  const copy = copyTree();
  try {
    for (const mutant of wanted) copy.mutate(mutant)();
    const stages = new Set(wanted.flatMap((mutant) => stagesFor(mutant)));
    for (const stage of stages) {
      const verdict = await runStage(copy.path, stage);
      const word = verdict.passed ? 'passes' : 'FAILS';
      console.log(`unchanged: ${stage} ${word} (${sec(verdict.ms)})`);
      if (verdict.passed) continue;
      console.error(verdict.output);
      return false;
    }
    return true;
  } finally {
    copy.remove();
  }
}

async function work(queue: Mutant[], results: Result[]): Promise<void> {
  const copy = copyTree();
  try {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const putBack = copy.mutate(mutant);
      const result = await tryToKill(copy.path, mutant);
      putBack();
      results.push(result);
      console.log(`${result.killedBy === null ? 'SURVIVED' : 'killed  '} ${mutant.name}`);
    }
  } finally {
    copy.remove();
  }
}

async function tryToKill(path: string, mutant: Mutant): Promise<Result> {
  let ms = 0;
  for (const stage of stagesFor(mutant)) {
    const verdict = await runStage(path, stage);
    ms += verdict.ms;
    if (!verdict.passed) return { mutant, killedBy: `${stage}: ${verdict.failed}`, ms };
  }
  return { mutant, killedBy: null, ms };
}

/** All of them, the likely one first. What only one stage executes is noticed there or not. */
function stagesFor(mutant: Mutant): readonly StageName[] {
  const { stage } = mutant;
  if (stage !== undefined && aloneStages.has(stage)) {
    return stagesUsed.filter((name) => name === stage);
  }
  const without = stagesUsed.filter((name) => !aloneStages.has(name));
  if (stage === undefined || !stagesUsed.includes(stage)) return without;
  return [stage, ...without.filter((name) => name !== stage)];
}

const sec = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

function report(wanted: readonly Mutant[], results: readonly Result[]): number {
  const width = Math.max(...wanted.map(({ name }) => name.length));
  console.log('');
  for (const mutant of wanted) {
    const result = results.find((one) => one.mutant === mutant);
    const how = result?.killedBy ?? 'SURVIVED';
    console.log(`${mutant.name.padEnd(width)}  ${sec(result?.ms ?? 0).padStart(7)}  ${how}`);
  }
  const killed = results.filter(({ killedBy }) => killedBy !== null).length;
  console.log(
    `\nmutation: killed=${killed} of=${wanted.length} survived=${wanted.length - killed}`,
  );
  return killed === wanted.length ? 0 : 1;
}

process.exitCode = await main();

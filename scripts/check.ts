/**
 * Everything that must hold before a commit, cheapest first. Stops at the first stage that fails
 * and ends with a table of what ran.
 *
 *   npm run check             all stages
 *   npm run check -- types    only the named stages
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Stage {
  readonly name: string;
  readonly about: string;
  readonly command: string;
  readonly args: readonly string[];
}

interface Result {
  readonly name: string;
  readonly verdict: 'passed' | 'failed' | 'not run';
  readonly ms: number;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => join(root, 'node_modules', '.bin', name);
const node = (...args: string[]) => ({ command: process.execPath, args });

const STAGES: readonly Stage[] = [
  {
    name: 'format',
    about: 'layout and import order (npm run format mends both)',
    command: bin('biome'),
    args: ['check', '--linter-enabled=false'],
  },
  {
    name: 'lint',
    about: 'biome rules',
    command: bin('biome'),
    args: ['lint', '--error-on-warnings'],
  },
  { name: 'types', about: 'the whole repository', command: bin('tsc'), args: ['-p', '.'] },
  {
    name: 'tidy',
    about: 'the house rules, and nothing dead',
    ...node('scripts/test.ts', 'tests/tidy/'),
  },
  {
    name: 'test',
    about: 'all other tests',
    ...node('scripts/test.ts', '!tests/tidy/'),
  },
  {
    name: 'chaos',
    about: 'two minutes of faults on a real Postgres, and the auditor',
    ...node('--conditions=holdfast-source', 'tests/chaos/main.ts'),
  },
  {
    name: 'docs',
    about: 'the documents say what the code does',
    ...node('scripts/test.ts', 'tests/docs/'),
  },
  {
    name: 'package',
    about: 'the package as users get it',
    ...node('scripts/package.ts'),
  },
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !STAGES.some((stage) => stage.name === name));
if (unknown.length > 0) {
  console.error(`no such stage: ${unknown.join(', ')}`);
  console.error(`stages: ${STAGES.map((stage) => stage.name).join(', ')}`);
  process.exit(1);
}
const stages = STAGES.filter((stage) => wanted.length === 0 || wanted.includes(stage.name));

const results: Result[] = [];
for (const stage of stages) {
  const passed = results.every((result) => result.verdict === 'passed');
  results.push(passed ? run(stage) : { name: stage.name, verdict: 'not run', ms: 0 });
}
printSummary(results);
if (results.some((result) => result.verdict !== 'passed')) process.exitCode = 1;

function run(stage: Stage): Result {
  console.log(`\n── ${stage.name}: ${stage.about}`);
  const startedAt = performance.now();
  const { status, error } = spawnSync(stage.command, stage.args, { cwd: root, stdio: 'inherit' });
  if (error !== undefined) console.error(error.message);
  return {
    name: stage.name,
    verdict: status === 0 ? 'passed' : 'failed',
    ms: performance.now() - startedAt,
  };
}

function printSummary(all: readonly Result[]): void {
  console.log('');
  for (const { name, verdict, ms } of all) {
    const time = verdict === 'not run' ? '' : `${(ms / 1000).toFixed(1)} s`;
    console.log(`${name.padEnd(9)} ${verdict.padEnd(8)} ${time.padStart(8)}`);
  }
}

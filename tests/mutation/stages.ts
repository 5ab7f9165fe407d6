/**
 * Owns the part of the suite that each mutant is put through, in stages.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';

/** The names of the stages, in the order in which they are tried. */
export const stageNames = [
  'core',
  'contract',
  'engine',
  'calls',
  'sync',
  'sandbox',
  'simulation',
  'http',
  'postgres',
  'failover',
] as const;

/** One of the stages. */
export type StageName = (typeof stageNames)[number];

/** Those that need a server. */
export const serverStages: ReadonlySet<string> = new Set<StageName>(['postgres', 'failover']);

/** Those that execute code which no other stage executes. */
export const aloneStages: ReadonlySet<string> = new Set<StageName>([
  'http',
  'postgres',
  'failover',
]);

/** Test files of each stage, from the root of the tree. */
const files: Readonly<Record<StageName, readonly string[]>> = {
  core: ['src/core/**/*.test.ts', 'src/store/verbs/*.test.ts'],
  contract: ['tests/contract/store/{memory,model}.test.ts'],
  engine: ['src/engine/*.test.ts', 'tests/engine/*.test.ts'],
  calls: [
    'src/core/call/*.test.ts',
    'tests/calls/{calls,batches,overlap,defects,bounds,scenarios-*}.test.ts',
  ],
  sync: ['src/store/sqlite/connection.test.ts', 'tests/process/sync.test.ts'],
  sandbox: [
    'src/sandbox/**/*.test.ts',
    'tests/sandbox/{scripts,isolation,threads,hostile,hosts,processes}.test.ts',
  ],
  simulation: ['tests/simulation/seeds.test.ts'],
  http: [
    'tests/http/{keys,origins,isolation,bad-input,bounds,requests}.test.ts',
    'tests/http/{parts,streams,readers,cursors}.test.ts',
    'src/runtime/keys.test.ts',
  ],
  // The quick ones first.
  postgres: [
    'tests/postgres/{waking,order,racing,unknown-ends,durable,versions}.test.ts',
    'tests/postgres/{inbox,pruning,times,dead-rows}.test.ts',
    'tests/postgres/{steps-alike,step-transactions,flow,families}.test.ts',
    'tests/contract/store/postgres*.test.ts',
  ],
  failover: ['tests/postgres/{judge-clock,failover}.test.ts', 'src/store/postgres/beats.test.ts'],
};

/** Seeds of the simulation that each mutant meets. */
const simulationSeeds = 300;

/** How the runner prints a test that failed. */
const failure = /^\s*✖ (.+?) \([\d.]+ms\)$/m;

/** A stage that takes longer has hung, which is a way of failing. */
const stageMsMax = 300_000;

/** What one stage said. */
export interface Verdict {
  readonly passed: boolean;
  readonly ms: number;
  /** The first test that failed. */
  readonly failed: string;
  readonly output: string;
}

/** Runs one stage in a copy of the tree. */
export async function runStage(path: string, stage: StageName): Promise<Verdict> {
  const found = files[stage].flatMap((glob) => globSync(glob, { cwd: path }).sort());
  if (found.length === 0) throw new Error(`stage '${stage}' has no test file`);
  const from = process.hrtime.bigint();
  const child = spawn(
    process.execPath,
    [
      '--conditions=holdfast-source',
      '--test',
      '--test-reporter=spec',
      '--test-concurrency=1',
      ...found.map((file) => join(path, file)),
    ],
    {
      cwd: path,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Node skips the tests of a run within a test run unless this is taken away.
      env: {
        ...process.env,
        NODE_TEST_CONTEXT: undefined,
        HOLDFAST_SIM_SEEDS_MAX: String(simulationSeeds),
      },
    },
  );
  let output = '';
  // One failure is enough: what else a mutant breaks, or makes hang, does not matter.
  const keep = (data: Buffer): void => {
    output += data.toString();
    if (failure.test(output)) killGroup(child.pid);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const late = setTimeout(() => killGroup(child.pid), stageMsMax);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearTimeout(late);
  killGroup(child.pid);
  const ms = Number(process.hrtime.bigint() - from) / 1e6;
  const passed = code === 0;
  return { passed, ms, failed: firstFailure(output, code), output };
}

/** The innermost title: suites fail with their tests and are printed after them. */
const firstFailure = (output: string, code: number | null): string =>
  failure.exec(output)?.[1] ?? (code === null ? 'it hung' : 'it broke');

/** Tests start processes of their own; a mutant may keep them from cleaning up. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}

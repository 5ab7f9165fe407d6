/**
 * Finds the test files and hands them to node's own test runner, whose summary ends the output.
 *
 *   npm test                          every *.test.ts under src/ and tests/, but for tests/docs/,
 *                                     which execute what documents show (npm run docs)
 *   npm test -- src/core retry        only files whose path contains one of the words
 *   npm test -- '!tests/tidy/'        all but those
 *   npm test -- --test-name-pattern=lane   options go to node's runner
 *
 * A run that finds no file is a failure, never a pass.
 *
 * Files that need Postgres share one server: the one that HOLDFAST_TEST_POSTGRES names, else a
 * cluster that is started here if any of them was chosen, and taken away at the end.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const PATTERNS = ['src/**/*.test.ts', 'tests/**/*.test.ts'];
/** Tests mostly wait on processes and disks, so one file more than there are cores pays off. */
const CONCURRENCY_MAX = 8;
/** For one test or one file: far above the slowest, so that a hang ends with a name. */
const TIMEOUT_MS = 300_000;

const root = fileURLToPath(new URL('..', import.meta.url));
/** Every test process and every thread loads the same files: compiled once, they cost half. */
const cache = fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url));
const args = process.argv.slice(2).map((arg) => arg.replace(/^(!?)\.\//, '$1'));
const options = args.filter((arg) => arg.startsWith('-'));
const without = args.filter((arg) => arg.startsWith('!')).map((arg) => arg.slice(1));
const words = args.filter((arg) => !/^[-!]/.test(arg));
if (words.length === 0) without.push('tests/docs/');

const files = globSync(PATTERNS, { cwd: root, exclude: ['**/node_modules/**'] })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => words.length === 0 || words.some((word) => path.includes(word)))
  .filter((path) => !without.some((word) => path.includes(word)))
  .sort();

if (files.length === 0) {
  console.error(`no test file (${PATTERNS.join(', ')}) matches: ${args.join(' ') || 'anything'}`);
  process.exit(1);
}

const server = await sharedServer();
const run = spawnSync(
  process.execPath,
  [
    '--conditions=holdfast-source',
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${Math.min(CONCURRENCY_MAX, availableParallelism() + 1)}`,
    `--test-timeout=${TIMEOUT_MS}`,
    ...options,
    ...files,
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: { NODE_COMPILE_CACHE: cache, ...process.env, ...server?.env },
  },
);
await server?.dispose();
if (run.error !== undefined) throw run.error;
process.exitCode = run.status ?? 1;

/** The cluster of this run, unless no chosen file needs it or there is a server already. */
async function sharedServer() {
  const seen = new Set<string>();
  if (!files.some((file) => leadsTo('tests/postgres/server.ts', file, seen))) return null;
  // Loaded only now: most runs of a few files have no use for a database client.
  const { serverVariable, startTestCluster } = await import('../tests/postgres/server.ts');
  if (process.env[serverVariable]) return null;
  try {
    const { cluster, url } = await startTestCluster();
    return { env: { [serverVariable]: url }, dispose: () => cluster.dispose() };
  } catch (error) {
    // Each file that needs one says so again, as its own failure; the others can run.
    console.error(error instanceof Error ? error.message : error);
    return null;
  }
}

/** Whether the file is the wanted one or imports it, through whichever files of tests/. */
function leadsTo(wanted: string, file: string, seen: Set<string>): boolean {
  if (file === wanted) return true;
  if (seen.has(file) || !existsSync(join(root, file))) return false;
  seen.add(file);
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/ from '(\.[^']+)'/g)]
    .map(([, path = '']) => posix.join(posix.dirname(file), path))
    .some((path) => path.startsWith('tests/') && leadsTo(wanted, path, seen));
}

/**
 * Checks the package as its users get it: builds, packs into a temporary folder, and then looks at
 * that tarball and nothing else.
 *
 *   contents    every module of src/ is there as source, JavaScript, declarations and maps; no test
 *   publint     package.json agrees with the files
 *   attw        the declarations resolve for those who import the package
 *   smoke       installed into an empty project, it imports and its command runs, compiled
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

const ALWAYS = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'];
const TEST = /\.test\.|^tests\//;

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => join(root, 'node_modules', '.bin', name);
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
const work = mkdtempSync(join(tmpdir(), 'holdfast-package-'));

try {
  step('build', () => run(process.execPath, ['scripts/build.ts']));
  const tarball = step('contents', packAndCompare);
  step('publint', () => run(bin('publint'), [tarball, '--strict']));
  step('attw', () =>
    run(bin('attw'), [
      tarball,
      '--profile',
      'esm-only',
      '--format',
      'table-flipped',
      '--no-summary',
    ]),
  );
  step('smoke', () => smoke(tarball));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}

function step<T>(name: string, body: () => T): T {
  console.log(`package: ${name}`);
  return body();
}

function run(command: string, args: readonly string[], cwd = root): void {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`failed: ${command} ${args.join(' ')}`);
}

/** Packs, and holds the file list of the tarball against src/ and package.json. */
function packAndCompare(): string {
  const output = execFileSync(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', work],
    { cwd: root, encoding: 'utf8' },
  );
  const parsed: unknown = JSON.parse(output);
  // npm 11 prints an array of packages, npm 12 an object of them by name.
  const [pack] = Object.values(parsed as Record<string, PackReport>);
  if (pack === undefined) throw new Error(`npm pack reported nothing: ${output}`);
  const packed = new Set(pack.files.map((file) => file.path));
  const missing = expectedFiles().filter((path) => !packed.has(path));
  const unwanted = [...packed].filter((path) => TEST.test(path));
  if (missing.length > 0) throw new Error(`not in the package: ${missing.join(', ')}`);
  if (unwanted.length > 0) throw new Error(`tests in the package: ${unwanted.join(', ')}`);
  console.log(`${packed.size} files, ${(pack.size / 1024).toFixed(0)} KiB packed`);
  return join(work, pack.filename);
}

interface PackReport {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

function expectedFiles(): string[] {
  const sources = globSync('src/**/*.ts', { cwd: root }).filter((path) => !TEST.test(path));
  const compiled = sources.flatMap((path) => {
    const stem = path.replace(/^src\//, 'dist/').replace(/\.ts$/, '');
    return [`${stem}.js`, `${stem}.js.map`, `${stem}.d.ts`, `${stem}.d.ts.map`];
  });
  const named = [
    ...Object.values(manifest.bin),
    ...Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    ),
  ].map((path) => path.replace(/^\.\//, ''));
  return [...new Set([...ALWAYS, ...sources, ...compiled, ...named])];
}

/** Installs the tarball as a user would, and uses it without the source condition. */
function smoke(tarball: string): void {
  const project = join(work, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  run(
    'npm',
    ['install', '--loglevel=error', '--no-audit', '--no-fund', '--prefer-offline', tarball],
    project,
  );
  const entries = Object.entries(manifest.exports)
    .filter(([, target]) => typeof target !== 'string')
    .map(([entry]) => entry.replace(/^\./, manifest.name));
  const imports = entries.map((entry) => `import * as m${entries.indexOf(entry)} from '${entry}';`);
  const checks = entries.map(
    (entry, index) =>
      `if (Object.keys(m${index}).length === 0) throw new Error('${entry} exports nothing');`,
  );
  writeFileSync(join(project, 'smoke.js'), `${imports.join('\n')}\n${checks.join('\n')}\n`);
  run(process.execPath, ['smoke.js'], project);

  for (const name of Object.keys(manifest.bin)) {
    const printed = execFileSync(join(project, 'node_modules', '.bin', name), ['--version'], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` },
    }).trim();
    if (!printed.includes(manifest.version)) {
      throw new Error(`${name} --version printed ${printed}, not ${manifest.version}`);
    }
    console.log(`${name} --version: ${printed}; imports: ${entries.join(', ')}`);
  }
}

/**
 * Compiles src/ into a fresh dist/: JavaScript, declarations and source maps. A published package
 * must hold JavaScript, because Node strips no types below node_modules.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const cli = join(dist, 'cli', 'main.js');

rmSync(dist, { recursive: true, force: true });
const tsc = join(root, 'node_modules', '.bin', 'tsc');
const { status, error } = spawnSync(tsc, ['-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (error !== undefined) throw error;
if (existsSync(cli)) chmodSync(cli, 0o755);
process.exitCode = status ?? 1;

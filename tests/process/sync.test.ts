/**
 * What `full` promises is that the disk was told before the caller is: seen from outside, by
 * counting the system calls of a process.
 */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const child = fileURLToPath(new URL('./sync-child.ts', import.meta.url));
const runs = 25;

/** Whether system calls can be counted here. */
function noTracer(): string | false {
  const tried = spawnSync('strace', ['-c', '-e', 'trace=fsync', 'true'], { encoding: 'utf8' });
  if (tried.error !== undefined) return 'needs strace to count system calls';
  return tried.status === 0 ? false : 'strace may not trace processes here';
}

/** Starts runs in a process and counts how often it told the disk to keep what was written. */
async function syncsOf(t: TestContext, durability: 'full' | 'relaxed'): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-sync-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const trace = join(folder, 'trace');
  const store = join(folder, 'store.db');
  const node = [process.execPath, '--conditions=holdfast-source', child];
  const args = ['-f', '-o', trace, '-e', 'trace=fsync,fdatasync', ...node, store, durability];
  const { stdout } = await promisify(execFile)('strace', [...args, String(runs)], {
    timeout: 60_000,
  });
  assert.equal(stdout, `${runs} acknowledged\n`);
  const lines = (await readFile(trace, 'utf8')).split('\n');
  return lines.filter((line) => /\bf(data)?sync\(/.test(line)).length;
}

const skip = noTracer();

test('with durability full every acknowledged start was synced to the disk', {
  skip,
}, async (t) => {
  const syncs = await syncsOf(t, 'full');
  t.diagnostic(`${syncs} syncs for ${runs} starts`);
  assert.ok(syncs >= runs, `${syncs} syncs for ${runs} acknowledged starts`);
});

test('with durability relaxed a start waits for no sync', { skip }, async (t) => {
  const syncs = await syncsOf(t, 'relaxed');
  t.diagnostic(`${syncs} syncs for ${runs} starts`);
  assert.ok(syncs < runs, `${syncs} syncs for ${runs} starts`);
});
